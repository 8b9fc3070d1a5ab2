#!/usr/bin/python3
"""The ledger of promises has no hole, and a hole is found: ledger_test.py SIPVET.

The first test holds docs/promises, the stories of the golden cases and docs/ledger.md of this tree
together; the others take a small tree apart, one thing each.
"""

import json
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))

import ledger                                  # noqa: E402

SIPVET = None
RULES = {'retry.bye': ['RFC 3261'], 'failback.idle': []}


class ThisTree(unittest.TestCase):
    def test_has_no_hole(self):
        tool = ledger.Tool(SIPVET)
        found = ledger.Ledger(ROOT, tool.catalogue(), tool.phone_config)
        self.assertEqual([], found.holes)
        text = (ROOT / 'docs' / 'ledger.md').read_text(encoding='utf-8')
        self.assertTrue(text == found.render(), 'docs/ledger.md is stale: ./dev renew')

    def test_catalogue_is_read_as_the_tool_tells_it(self):
        rules = ledger.Tool(SIPVET).catalogue()
        self.assertIn('dns.chain', rules)
        self.assertIn('RFC 3263', rules['dns.chain'])
        self.assertIn('failover.retry-after', rules)


class SmallTree(unittest.TestCase):
    """One guide with one promise, shown by three cases."""

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.promise = {'id': 'X-1', 'promise': 'BYE is sent twice.',
                        'rules': ['retry.bye', 'failback.idle'],
                        'expect': {'retry.bye.tries': 2}}
        self.sections = [{'title': 'Calls', 'promises': [self.promise]},
                         {'title': 'Colours', 'nothing': 'no capture shows them.'}]
        profiles = self.root / 'rules' / 'profiles'
        profiles.mkdir(parents=True)
        (profiles / 'rfc3263.json').write_text('{"name": "rfc3263", "retry": {"bye": {}}}')
        (profiles / 'acme.json').write_text(
            '{"name": "acme", "extends": "rfc3263", "retry": {"bye": {"tries": 2}}}')
        for verdict, said in ledger.VERDICTS.items():
            self.case(f'bye-{verdict}', f'X-1 retry.bye {verdict}', {'retry.bye': said})
        self.case('idle-pass', 'X-1 failback.idle pass', {'failback.idle': 'pass'})

    def case(self, name, line, findings, options=('-p', 'acme')):
        folder = self.root / 'captures' / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'story.md').write_text(f'# A story\n\nPromise: {line}\n')
        (folder / 'expected.json').write_text(json.dumps({
            'options': list(options),
            'findings': [{'rule': rule, 'verdict': v} for rule, v in findings.items()]}))

    def holes(self, rules=None, phone_config=None):
        folder = self.root / 'docs' / 'promises'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'acme.json').write_text(json.dumps({
            'id': 'X', 'title': 'Acme', 'document': 'The guide', 'profile': 'acme',
            'sections': self.sections}))
        return ledger.Ledger(self.root, rules or RULES, phone_config).holes

    def assert_hole(self, part, holes):
        self.assertTrue(any(part in hole for hole in holes), f'no "{part}" in {holes}')

    def test_whole(self):
        self.assertEqual([], self.holes())

    def test_section_without_a_word(self):
        self.sections.append({'title': 'Transfer'})
        self.assert_hole('Transfer: no promise, and no word why', self.holes())

    def test_section_that_names_a_promise_that_is_not_there(self):
        self.sections.append({'title': 'Transfer', 'see': ['X-9']})
        self.assert_hole('no promise X-9', self.holes())

    def test_verdict_that_no_case_has(self):
        for verdict in ledger.VERDICTS:
            with self.subTest(verdict):
                story = self.root / 'captures' / f'bye-{verdict}' / 'story.md'
                text = story.read_text()
                story.write_text('# A story\n')
                if verdict == 'pass':
                    shutil.rmtree(self.root / 'captures' / 'idle-pass')
                self.assert_hole(f'X-1: no golden case is {verdict}', self.holes())
                self.promise['without'] = {verdict: 'there can be none'}
                self.assertFalse([h for h in self.holes() if 'golden case is' in h])
                del self.promise['without']
                story.write_text(text)

    def test_reason_for_a_case_that_there_is(self):
        self.promise['without'] = {'fail': 'there can be none'}
        self.assert_hole('says that no case can be fail, and bye-fail is', self.holes())

    def test_rule_that_no_case_shows(self):
        shutil.rmtree(self.root / 'captures' / 'idle-pass')
        self.assert_hole('X-1: no golden case shows it by failback.idle', self.holes())

    def test_rule_that_is_not_there(self):
        self.assert_hole('X-1: no rule failback.idle', self.holes({'retry.bye': []}))

    def test_rule_that_nobody_asks_for(self):
        self.assert_hole('zone.records: no promise and no RFC asks for it',
                         self.holes({**RULES, 'zone.records': []}))
        self.assertEqual([], self.holes({**RULES, 'zone.records': ['RFC 2782']}))

    def test_promise_twice(self):
        self.sections[0]['promises'].append(self.promise)
        self.assert_hole('X-1 is there twice', self.holes())

    def test_misspelt_key(self):
        self.promise['rule'] = 'retry.bye'
        self.assert_hole('unknown key "rule"', self.holes())

    def test_line_that_says_otherwise(self):
        for line, part in (
                ('X-9 retry.bye pass', 'no promise X-9'),
                ('X-1 retry.invite pass', 'X-1 is a matter of retry.bye'),
                ('X-1 retry.bye passes', 'expected PROMISE RULE pass|fail|undecided'),
                ('X-1 retry.bye', 'expected PROMISE RULE pass|fail|undecided'),
                ('X-1 retry.bye fail', 'retry.bye is pass in expected.json'),
                ('X-1 failback.idle pass', 'failback.idle is not applicable')):
            with self.subTest(line):
                self.case('more', line, {'retry.bye': 'pass'})
                self.assert_hole(part, self.holes())

    def test_case_without_findings(self):
        (self.root / 'captures' / 'bye-fail' / 'expected.json').unlink()
        self.assert_hole('bye-fail: expected.json cannot be read', self.holes())

    def test_other_profile(self):
        self.case('more', 'X-1 retry.bye pass', {'retry.bye': 'pass'}, ())
        self.assert_hole('judged by rfc3263, not by acme', self.holes())

    def test_other_expectation(self):
        said = {'retry.bye': 'pass'}
        self.case('more', 'X-1 retry.bye pass', said, ('-p', 'acme', '--set', 'retry.bye.tries=3'))
        self.assert_hole('another retry.bye.tries than 2', self.holes())
        self.case('more', 'X-1 retry.bye pass', said, ('--profile=acme', '--set=retry.bye.tries=2'))
        self.assertEqual([], self.holes())

    def test_file_that_extends_the_profile(self):
        self.case('more', 'X-1 retry.bye pass', {'retry.bye': 'pass'}, ('-p', '{dir}/site.json'))
        site = self.root / 'captures' / 'more' / 'site.json'
        site.write_text('{"extends": "acme"}')
        self.assertEqual([], self.holes())
        site.write_text('{"extends": "acme", "retry": {"bye": {"tries": 5}}}')
        self.assert_hole('another retry.bye.tries than 2', self.holes())

    def test_phone_configuration(self):
        self.case('more', 'X-1 retry.bye pass', {'retry.bye': 'pass'}, ('-c', 'phone.cfg'))
        for tries, whole in (([5, 2], True), ([5, 6], False)):
            holes = self.holes(phone_config=lambda path, tries=tries: (
                'acme', [{'retry.bye.tries': n} for n in tries]))
            self.assertEqual(whole, not holes, holes)


if __name__ == '__main__':
    SIPVET = sys.argv.pop(1)
    unittest.main()
