"""A golden case: its folder, what is expected of the tool, and what the tool says."""

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = ROOT / 'captures'
FILES = ('story.md', 'scenario.txt', 'capture.pcapng', 'expected.json')
# What is compared of an occurrence and of an attempt when an expectation is written anew.
OCCURRENCE = ('verdict', 'frames', 'expected', 'observed')
ATTEMPT = ('server', 'outcome', 'tries', 'sends')


class Case:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.name = self.folder.name
        self.scenario = self.folder / 'scenario.txt'
        self.capture = self.folder / 'capture.pcapng'
        self.expected_file = self.folder / 'expected.json'

    def expected(self):
        return json.loads(self.expected_file.read_text(encoding='utf-8'))

    def recorded(self):
        """Is its capture made once, by tls_capture.py, as TLS gives other bytes each time?"""
        return any(line.startswith('# tls:')
                   for line in self.scenario.read_text(encoding='utf-8').splitlines())

    def options(self):
        """The options of expected.json, else those of the scenario's `# options:` line."""
        if self.expected_file.exists():
            return self.expected().get('options', [])
        for line in self.scenario.read_text(encoding='utf-8').splitlines():
            if line.startswith('# options:'):
                return line.split(':', 1)[1].split()
        return []

    def run(self, sipvet, command='check', options=None):
        """(exit status, standard output, standard error) of the tool on this capture."""
        words = [o.replace('{dir}', str(self.folder)) for o in
                 (self.options() if options is None else options)]
        done = subprocess.run([sipvet, command, '--json', *words, self.capture.name],
                              cwd=self.folder, capture_output=True, timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr.decode('utf-8', 'replace')


def accounts(document):
    for capture in document.get('captures', []):
        for phone in capture.get('phones', []):
            yield from phone.get('accounts', [])


def findings(document):
    """Every result that is not not_applicable, in the order of the document."""
    out = []
    for account in accounts(document):
        for result in account['results']:
            if result['verdict'] == 'not_applicable':
                continue
            out.append({
                'aor': account['aor'], 'host': account['host'], 'rule': result['rule'],
                'verdict': result['verdict'], 'reason': result['reason'],
                'occurrences': [{key: o[key] for key in OCCURRENCE}
                                for o in result['occurrences']]})
    return out


def story(document):
    """The requests of every account, each with the bare facts of its attempts."""
    return [{'aor': account['aor'], 'method': request['method'],
             'attempts': [{key: attempt[key] for key in ATTEMPT}
                          for attempt in request['attempts']]}
            for account in accounts(document) for request in account['requests']]


def cases(names=()):
    """The cases of these names or folders; all, if none is given."""
    if not names:
        return [Case(f) for f in sorted(CAPTURES.iterdir()) if (f / 'scenario.txt').exists()]
    return [Case(name if pathlib.Path(name).is_dir() and '/' in str(name) else CAPTURES / name)
            for name in names]
