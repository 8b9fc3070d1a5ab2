#!/usr/bin/python3
"""The ledger of promises: docs/ledger.md from docs/promises/*.json and the stories of the golden cases.

ledger.py [--sipvet PATH] [--check]: writes docs/ledger.md, or, with --check, only compares it; prints
each hole, one a line, and ends with 1 if there is one.

A promise is something that a vendor's guide says and a capture can show. docs/promises/GUIDE.json
lists them below the guide's section headings; a golden case that shows one says so in its story.md,
in a line of its own:

    Promise: GS-12 retry.register fail

Held together here: every section of a guide has a promise, or says why there is none; every promise
has a case that passes, one that fails and one that is undecided, or says why there can be none; each
of its rules is shown by a case; what a line of a story says is what expected.json says, judged by the
profile of that vendor and with the promise's expectations; and every rule has a promise or an RFC.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

VERDICTS = {'pass': 'pass', 'fail': 'fail', 'undecided': 'inconclusive'}
LINE = re.compile(r'^Promise:\s*(.*?)\s*$', re.M)
ABSENT = object()

GUIDE_KEYS = {'id', 'title', 'document', 'profile', 'sections'}
SECTION_KEYS = {'title', 'promises', 'see', 'outside', 'nothing'}
PROMISE_KEYS = {'id', 'promise', 'rules', 'settings', 'expect', 'note', 'without'}


def dotted(tree, path):
    """The value at a dotted path ("servers.0.port"), or ABSENT."""
    for part in path.split('.'):
        if isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        elif isinstance(tree, dict) and part in tree:
            tree = tree[part]
        else:
            return ABSENT
    return tree


def merged(below, above):
    """Objects key by key, all else replaced: the contract's order of expectations."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {**below, **{k: merged(below[k], v) if k in below else v for k, v in above.items()}}


def put(tree, path, value):
    """What --set does to a profile."""
    *parents, last = path.split('.')
    for part in parents:
        tree = tree[int(part)] if isinstance(tree, list) else tree.setdefault(part, {})
    tree[int(last) if isinstance(tree, list) else last] = value


class Expectations:
    """What a case is judged by: profiles and --set are read here, a phone's configuration by the tool."""

    def __init__(self, root, folder, options, phone_config):
        self.names = []         # the profile and those that it extends
        self.tree = {}
        self.accounts = []      # of a phone's configuration: one {dotted key: value} each
        profile, sets = 'rfc3263', []
        words = [w for o in options for w in (o.split('=', 1) if o.startswith(
            ('--profile=', '--phone-config=', '--set=')) else [o])]
        for option, value in zip(words, words[1:]):
            if option in ('-p', '--profile'):
                profile = value
            elif option == '--set':
                sets.append(value.split('=', 1))
            elif option in ('-c', '--phone-config'):
                base, self.accounts = phone_config(folder / value.replace('{dir}/', ''))
                self.names.append(base)
        self.tree = self.load(root, folder, profile)
        for path, value in sets:
            try:
                value = json.loads(value)
            except ValueError:
                pass
            put(self.tree, path, value)
            for account in self.accounts:
                account[path] = value

    def has(self, key, value):
        """Is this expectation asked of the phone, or of one account of its configuration?"""
        if self.accounts:
            return any(account.get(key, ABSENT) == value for account in self.accounts)
        return dotted(self.tree, key) == value

    def load(self, root, folder, name):
        path = root / 'rules' / 'profiles' / f'{name}.json'
        if not path.exists():
            path = folder / name.replace('{dir}/', '')
        data = json.loads(path.read_text(encoding='utf-8'))
        self.names.append(data.get('name', name))
        base = data.get('extends', 'rfc3263')
        return data if name == 'rfc3263' else merged(self.load(root, folder, base), data)


class Shown:
    """One line of a story: this case shows this promise."""

    def __init__(self, case, promise, rule, verdict):
        self.case, self.promise, self.rule, self.verdict = case, promise, rule, verdict


class Ledger:
    def __init__(self, root, rules, phone_config):
        """rules: {id: [standards]} of the catalogue, in its order. phone_config(path): the profile
        that a phone's configuration file builds on, and the expectations of its accounts."""
        self.root, self.rules, self.phone_config = pathlib.Path(root), rules, phone_config
        self.holes = []
        self.guides = self.read_guides()
        self.promises = {p['id']: (g, s, p) for g in self.guides for s in g['sections']
                         for p in s.get('promises', [])}
        self.shown = []
        for folder in sorted((self.root / 'captures').iterdir()):
            if (folder / 'story.md').exists():
                self.read_story(folder)
        self.look_for_holes()

    def hole(self, text):
        self.holes.append(text)

    def allow(self, where, got, keys):
        for key in sorted(set(got) - keys):
            self.hole(f'{where}: unknown key "{key}"')

    def read_guides(self):
        guides, ids = [], set()
        for path in sorted((self.root / 'docs' / 'promises').glob('*.json')):
            guide = json.loads(path.read_text(encoding='utf-8'))
            self.allow(path.name, guide, GUIDE_KEYS)
            for section in guide['sections']:
                where = f'{path.name}, {section["title"]}'
                self.allow(where, section, SECTION_KEYS)
                for promise in section.get('promises', []):
                    self.allow(f'{where}, {promise["id"]}', promise, PROMISE_KEYS)
                    if promise['id'] in ids:
                        self.hole(f'{where}: {promise["id"]} is there twice')
                    if not promise['id'].startswith(f'{guide["id"]}-'):
                        self.hole(f'{where}: {promise["id"]} does not begin with {guide["id"]}-')
                    ids.add(promise['id'])
            guides.append(guide)
        return guides

    # ---- the stories ----

    def read_story(self, folder):
        lines = LINE.findall((folder / 'story.md').read_text(encoding='utf-8'))
        if not lines:
            return
        try:
            expected = json.loads((folder / 'expected.json').read_text(encoding='utf-8'))
        except (OSError, ValueError) as error:
            self.hole(f'{folder.name}: expected.json cannot be read: {error}')
            return
        expect = Expectations(self.root, folder, expected['options'], self.phone_config)
        for line in lines:
            fault = self.read_line(folder.name, line, expected, expect)
            if fault:
                self.hole(f'{folder.name}: "Promise: {line}": {fault}')

    def read_line(self, case, line, expected, expect):
        words = line.split()
        if len(words) != 3 or words[2] not in VERDICTS:
            return 'expected PROMISE RULE pass|fail|undecided'
        name, rule, verdict = words
        if name not in self.promises:
            return f'no promise {name}'
        guide, _, promise = self.promises[name]
        if rule not in promise['rules']:
            return f'{name} is a matter of {", ".join(promise["rules"])}'
        if not any(f['rule'] == rule and f['verdict'] == VERDICTS[verdict]
                   for f in expected['findings']):
            got = sorted({f['verdict'] for f in expected['findings'] if f['rule'] == rule})
            return f'{rule} is {" and ".join(got) or "not applicable"} in expected.json'
        if guide['profile'] not in expect.names:
            return f'judged by {expect.names[0]}, not by {guide["profile"]}'
        for key, value in promise.get('expect', {}).items():
            if not expect.has(key, value):
                return f'judged with another {key} than {json.dumps(value)}'
        self.shown.append(Shown(case, name, rule, verdict))
        return None

    def cases(self, promise, verdict):
        return sorted({s.case for s in self.shown
                       if s.promise == promise and s.verdict == verdict})

    # ---- what is missing ----

    def look_for_holes(self):
        for guide in self.guides:
            for section in guide['sections']:
                if not any(section.get(k) for k in ('promises', 'see', 'outside', 'nothing')):
                    self.hole(f'{guide["document"]}, {section["title"]}: '
                              'no promise, and no word why')
                for name in section.get('see', []):
                    if name not in self.promises:
                        self.hole(f'{guide["document"]}, {section["title"]}: no promise {name}')
        for name, (_, _, promise) in self.promises.items():
            self.look_at(name, promise)
        for rule, standards in self.rules.items():
            if not standards and not any(rule in p['rules'] for _, _, p in self.promises.values()):
                self.hole(f'{rule}: no promise and no RFC asks for it')

    def look_at(self, name, promise):
        for rule in promise['rules']:
            if rule not in self.rules:
                self.hole(f'{name}: no rule {rule}')
            elif not any(s.promise == name and s.rule == rule for s in self.shown):
                self.hole(f'{name}: no golden case shows it by {rule}')
        for verdict in VERDICTS:
            reason = promise.get('without', {}).get(verdict)
            found = self.cases(name, verdict)
            if found and reason:
                self.hole(f'{name}: says that no case can be {verdict}, and {found[0]} is')
            elif not found and not reason:
                self.hole(f'{name}: no golden case is {verdict}')

    # ---- the document ----

    def cell(self, promise, verdict):
        names = self.cases(promise['id'], verdict)
        if not names:
            return promise.get('without', {}).get(verdict, '**none**')
        return '<br>'.join(f'[{n}](../captures/{n}/story.md)' for n in names)

    def row(self, promise):
        text = promise['promise']
        if promise.get('settings'):
            text += f' ({", ".join(f"`{s}`" for s in promise["settings"])})'
        if promise.get('expect'):
            text += ' Judged with ' + ', '.join(
                f'`{k}={json.dumps(v)}`' for k, v in promise['expect'].items()) + '.'
        if promise.get('note'):
            text += f' *{promise["note"]}*'
        rules = '<br>'.join(f'`{r}`' for r in promise['rules'])
        return (f'| {promise["id"]} | {text} | {rules} | '
                + ' | '.join(self.cell(promise, v) for v in VERDICTS) + ' |\n')

    def render_section(self, section):
        out = [f'\n### {section["title"]}\n\n']
        if section.get('promises'):
            out.append('| | the guide promises | judged by | passes | fails | decides nothing |\n'
                       '| --- | --- | --- | --- | --- | --- |\n')
            out += [self.row(p) for p in section['promises']] + ['\n']
        if section.get('see'):
            out.append(f'Said here too: {", ".join(section["see"])}.\n')
        if section.get('nothing'):
            out.append(f'Nothing to judge: {section["nothing"]}\n')
        for item in section.get('outside', []):
            out.append(f'- Out of scope: {item}\n')
        return ''.join(out).rstrip('\n') + '\n'

    def render(self):
        out = [HEAD]
        for guide in self.guides:
            count = sum(len(s.get('promises', [])) for s in guide['sections'])
            out.append(f'- [{guide["title"]}](#{anchor(guide["title"])}): {count} promises, '
                       f'profile `{guide["profile"]}`\n')
        out.append('- [Rules and their promises](#rules-and-their-promises)\n')
        for guide in self.guides:
            out.append(f'\n## {guide["title"]}\n\n*{guide["document"]}.* '
                       f'Judged by `-p {guide["profile"]}`.\n')
            out += [self.render_section(s) for s in guide['sections']]
        out.append('\n## Rules and their promises\n\n| rule | standards | promises |\n'
                   '| --- | --- | --- |\n')
        for rule, standards in self.rules.items():
            names = [n for n, (_, _, p) in self.promises.items() if rule in p['rules']]
            out.append(f'| `{rule}` | {", ".join(standards) or "–"} | {", ".join(names) or "–"} |\n')
        return ''.join(out)


HEAD = '''# The ledger of promises

What the vendors' guides promise of a phone, or of the zone that it asks, rule by rule, with the golden cases that show it kept,
broken, and left open by the capture. What no capture can show is listed too, so that nothing is forgotten silently.

Written by `./dev renew` from `promises/*.json` and the `Promise:` lines in the stories of `../captures`; not by hand.
The test `report/ledger` fails on a section without a promise, a promise without its cases, and a case that says
otherwise.

'''


def anchor(title):
    return re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-')


class Tool:
    """What the tool says of its rules and of a phone's configuration."""

    def __init__(self, sipvet):
        self.sipvet = str(pathlib.Path(sipvet).resolve())

    def say(self, *words):
        return subprocess.run([self.sipvet, *words], capture_output=True, text=True, check=True,
                              timeout=60).stdout

    def catalogue(self):
        """{rule: [standards]}"""
        rules = {}
        for name in re.findall(r'^(\w+\.[\w-]+)\s', self.say('rules'), re.M):
            sources = re.split(r'^sources\s+', self.say('rules', name), flags=re.M)[-1]
            rules[name] = list(dict.fromkeys(re.findall(r'(RFC \d+), [^\n]*\(rfc\)', sources)))
        return rules

    def phone_config(self, path):
        text = self.say('profile', str(path))
        base = re.search(r'on top of the profile (\S+)', text).group(1)
        accounts = []
        for part in re.split(r'^account ', text, flags=re.M)[1:]:
            lines = re.findall(r'^  ([\w.]+) = (.*?)(?:  +(?:line \d|vendor default).*)?$', part, re.M)
            accounts.append({key: json.loads(value) for key, value in lines})
        return base, accounts


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser()
    parser.add_argument('--sipvet', default=os.environ.get('SIPVET'))
    parser.add_argument('--check', action='store_true')
    arguments = parser.parse_args()
    if arguments.sipvet is None:
        print('which tool? Set SIPVET, or give --sipvet PATH', file=sys.stderr)
        return 2
    tool = Tool(arguments.sipvet)
    ledger = Ledger(root, tool.catalogue(), tool.phone_config)
    path, text = root / 'docs' / 'ledger.md', ledger.render()
    stale = not path.exists() or path.read_text(encoding='utf-8') != text
    if stale and arguments.check:
        ledger.hole('docs/ledger.md is stale: ./dev renew')
    elif stale:
        path.write_text(text, encoding='utf-8')
        print('docs/ledger.md renewed')
    for hole in ledger.holes:
        print(hole)
    return 1 if ledger.holes else 0


if __name__ == '__main__':
    sys.exit(main())
