#!/usr/bin/python3
"""Golden cases in many forms: each must be judged as it is judged as it stands.

transform.py --sipvet BIN [--sample N] [--form NAME…] [--recordings FOLDER] [--keep FOLDER] [CASE…]

Every case is judged as its expected.json says, then again in every form of forms.py that can carry
what it rests on (properties.py), and the two parts of the verdict documents are compared
(compare.py). With --sample each case takes N forms only, those that were taken least."""

import argparse
import collections
import functools
import hashlib
import ipaddress
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(ROOT / 'tests' / 'support')]

import capture_file                            # noqa: E402
import compare                                 # noqa: E402
import golden                                  # noqa: E402
import properties                              # noqa: E402
from changes import Subject                    # noqa: E402
from forms import FORMS                        # noqa: E402

TOGETHER = 24        # captures judged in one run of the tool
ENDINGS = (0, 1, 4)  # exit statuses of a capture that was read to its end
AOR = re.compile(r'"aor": ("[^"]*")')
ADDRESSES = re.compile(r'"addresses": \[([^\]]*)\]')


class Source:
    """A capture to transform, and the options that it is judged with."""

    def __init__(self, name, path, options=(), folder=None):
        self.name, self.path, self.folder = name, str(path), str(folder or ROOT)
        self.options = tuple(o.replace('{dir}', self.folder) for o in options)

    def key(self):
        """Equal for those that are judged alike: names of files stand for what they hold."""
        out = []
        for option in self.options:
            path = pathlib.Path(self.folder, option.rpartition('=')[2])
            out.append(hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else option)
        return tuple(out)


class Outcome:
    """What a batch brings back: differences, and how often each form ran or was excluded."""

    def __init__(self):
        self.faults, self.ran, self.out = [], collections.Counter(), collections.Counter()
        self.unread = []

    def add(self, other):
        self.faults += other.faults
        self.unread += other.unread
        self.ran.update(other.ran)
        self.out.update(other.out)


def judge(tool, source, paths, *options):
    """The verdict document of these captures, in parts, by the options of one source."""
    done = subprocess.run([tool, 'check', '--json', *source.options, *options, *paths],
                          cwd=source.folder, capture_output=True, timeout=300, check=False)
    if done.returncode not in ENDINGS:
        raise RuntimeError(f'exit status {done.returncode}: '
                           + done.stderr.decode('utf-8', 'replace')[-2000:])
    return compare.parts(done.stdout.decode('utf-8'))


def phones_of(part):
    """The addresses of the phones that the tool found."""
    return {ipaddress.ip_address(text.strip().strip('"')).packed
            for found in ADDRESSES.findall(part[1]) for text in found.split(',') if text.strip()}


def twins(part):
    """Whether two phones that the tool found are of one account."""
    phones = [set(AOR.findall(phone)) for phone in part[1].split('"addresses": ')]
    return sum(map(len, phones)) > len(set().union(*phones))


def subjects(tool, sources, outcome):
    """[(source, subject, part of the document)] of those that can be read."""
    readable = []
    for source in sources:
        try:
            readable.append((source, capture_file.read(pathlib.Path(source.path).read_bytes())))
        except (capture_file.Unreadable, FileNotFoundError) as reason:
            outcome.unread.append(f'{source.name}: {reason}')
    if not readable:
        return []
    parts = judge(tool, sources[0], [source.path for source, _ in readable])
    return [(source, Subject(source.name, capture, phones_of(part), twins(part)), part)
            for (source, capture), part in zip(readable, parts, strict=True)]


class Batch:
    """The transformed captures of some cases that are judged alike, by the options of one."""

    def __init__(self, tool, by, folder, keep, outcome):
        self.tool, self.by, self.folder = tool, by, folder
        self.keep, self.outcome = keep, outcome
        self.waiting = []

    def add(self, source, form, subject, part):
        data, count = form.files(subject)
        paths = []
        for number, content in enumerate(data):
            paths.append(os.path.join(self.folder, f'{source.name}.{form.name}.{number}.cap'))
            pathlib.Path(paths[-1]).write_bytes(content)
        self.outcome.ran[form.name] += 1
        entry = source, form, part, count, paths
        if form.merge:
            self.judge([entry], '--merge', *paths)
        else:
            self.waiting.append(entry)
            if len(self.waiting) >= TOGETHER:
                self.flush()

    def flush(self):
        if self.waiting:
            self.judge(self.waiting, *(entry[4][0] for entry in self.waiting))
        self.waiting = []

    def judge(self, entries, *arguments):
        try:
            parts = judge(self.tool, self.by, arguments)
            if len(parts) != len(entries):
                raise RuntimeError(f'{len(parts)} captures in the document')
        except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
            if len(entries) > 1:
                for entry in entries:
                    self.judge([entry], entry[4][0])
                return
            source, form = entries[0][:2]
            self.outcome.faults.append((form.name, source.name, [str(error)]))
            parts = []
        for (source, form, part, count, _), other in zip(entries, parts):
            found = compare.compare(form, part, other, count)
            if found:
                self.outcome.faults.append((form.name, source.name, found))
        if not self.keep:
            for entry in entries:
                for path in entry[4]:
                    os.unlink(path)


def run_batch(tool, keep, work):
    """One batch of sources that are judged alike, each with the names of the forms to try."""
    outcome = Outcome()
    forms = {form.name: form for form in FORMS}
    with tempfile.TemporaryDirectory() as temporary:
        batch = Batch(tool, work[0][0], keep or temporary, keep, outcome)
        wanted = {source.name: names for source, names in work}
        try:
            for source, subject, part in subjects(tool, [s for s, _ in work], outcome):
                held = properties.properties(subject)
                for name in wanted[source.name]:
                    reason = forms[name].excluded(held)
                    if reason is None:
                        batch.add(source, forms[name], subject, part)
                    else:
                        outcome.out[name, reason] += 1
            batch.flush()
        except Exception:       # pylint: disable=broad-except
            outcome.faults.append(('-', work[0][0].name, [traceback.format_exc()]))
    return outcome


def planned(sources, size):
    """{name: forms} where each source takes so many forms, always those taken least so far."""
    taken, plan = collections.Counter(), {}
    for source in sources:
        try:
            data = pathlib.Path(source.path).read_bytes()
            held = properties.properties(Subject(source.name, capture_file.read(data)))
        except (capture_file.Unreadable, FileNotFoundError):
            plan[source.name] = []
            continue
        fit = [form.name for form in FORMS if not form.excluded(held - {'no-inside'})]
        plan[source.name] = sorted(fit, key=lambda name: taken[name])[:size]
        taken.update(plan[source.name])
    return plan


def batches(sources, plan):
    """Sources that are judged alike, some at a time."""
    groups = collections.defaultdict(list)
    for source in sources:
        groups[source.key()].append((source, plan[source.name]))
    for group in groups.values():
        for at in range(0, len(group), TOGETHER):
            yield group[at:at + TOGETHER]


def golden_sources(names):
    return [Source(case.name, case.capture, case.options(), case.folder)
            for case in golden.cases(names)]


def recordings(folder):
    """Captures of real agents, judged by the RFCs alone."""
    return [Source(path.stem, path) for path in sorted(pathlib.Path(folder).glob('*.pcap*'))]


def report(outcome, names):
    """Prints what ran and what was left out and why, then every difference."""
    for name in names:
        left_out = [(reason, count) for (form, reason), count in sorted(outcome.out.items())
                    if form == name]
        words = ', '.join(f'{count} {properties.WORDS[reason]}' for reason, count in left_out)
        wrong = sum(1 for fault in outcome.faults if fault[0] == name)
        print(f'{name:20} {outcome.ran[name]:4} cases' + (f', {wrong} differ' if wrong else '')
              + (f'; without: {words}' if words else ''))
    for line in sorted(outcome.unread):
        print(f'left as it is: {line}')
    for form, name, lines in sorted(outcome.faults):
        print(f'{form} of {name}:')
        for line in '\n'.join(lines).splitlines():
            print(f'    {line}')


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--sipvet', required=True, help='the program')
    parser.add_argument('--form', action='append', default=[], help='only these forms; repeatable')
    parser.add_argument('--sample', type=int, help='so many forms of each case')
    parser.add_argument('--recordings', help='a folder of captures, in place of the golden cases')
    parser.add_argument('--keep', help='a folder for the transformed captures')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('cases', nargs='*', help='names; all, if none is given')
    return parser.parse_args()


def main():
    chosen = arguments()
    names = chosen.form or [form.name for form in FORMS]
    if set(names) - {form.name for form in FORMS}:
        sys.exit('no such form; there are: ' + ' '.join(form.name for form in FORMS))
    if chosen.recordings and not pathlib.Path(chosen.recordings).is_dir():
        print(f'skipped: {chosen.recordings} is not there')
        return 77
    sources = recordings(chosen.recordings) if chosen.recordings else golden_sources(chosen.cases)
    plan = planned(sources, chosen.sample) if chosen.sample else {s.name: names for s in sources}
    keep = chosen.keep and str(pathlib.Path(chosen.keep).resolve())
    if keep:
        os.makedirs(keep, exist_ok=True)
    work = functools.partial(run_batch, str(pathlib.Path(chosen.sipvet).resolve()), keep)
    outcome = Outcome()
    with multiprocessing.Pool(chosen.jobs) as pool:
        for part in pool.imap_unordered(work, batches(sources, plan)):
            outcome.add(part)
    report(outcome, names)
    print(f'{sum(outcome.ran.values())} transformed captures, {len(outcome.faults)} differ')
    return 1 if outcome.faults else 0


if __name__ == '__main__':
    sys.exit(main())
