#!/usr/bin/python3
"""The JSON documents of all golden cases: valid, in the contract's order, saying the same as each
other. The cases are judged as their expected.json says, one by one, and then all captures that are
judged alike in one run. Usage: documents_test.py SIPVET"""

import json
import os
import pathlib
import subprocess
import sys
import unittest

import jsonschema

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))

import golden                                  # noqa: E402

SCHEMAS = ROOT / 'rules' / 'schema'
CASES = golden.cases()
FEW = 10
TOOL = None

# The order of keys in the contract's example (section 3), and the members that its table adds.
ORDER = {
    'document': ['format', 'tool', 'expectations', 'verdict', 'summary', 'captures'],
    'capture': ['files', 'verdict', 'reason', 'packets', 'first', 'duration_s', 'offsets_s',
                'link_types', 'dropped_packets', 'warnings', 'phones'],
    'phone': ['addresses', 'mac', 'user_agents', 'connections', 'accounts'],
    'account': ['aor', 'host', 'verdict', 'expectations', 'results', 'resolutions', 'requests',
                'events'],
    'result': ['rule', 'verdict', 'reason', 'message', 'occurrences', 'sources', 'needs'],
    'occurrence': ['verdict', 't', 'time', 'expected', 'observed', 'frames', 'files', 'filter',
                   'filters', 'reason', 'message'],
    'resolution': ['host', 't', 'outcome', 'queries', 'servers'],
    'query': ['type', 'name', 'server', 'frames', 'files', 'answer_frame', 'answer_file',
              'rcode', 'answers', 'truncated', 'transport'],
    'ranked': ['rank', 'server', 'target', 'priority', 'weight', 'ttl_s'],
    'request': ['method', 'call_id', 't', 'outcome', 'status', 'attempts'],
    'attempt': ['server', 'outcome', 'tries', 'sends', 'transactions', 'retransmissions', 'frames',
                'files', 'times', 'responses', 'call_id', 'connects', 'icmp',
                'icmp_files', 'end_t'],
    'response': ['frame', 'file', 't', 'status', 'late'],
}
JUDGED = {'verdict', 'reason', 'expectations', 'summary', 'results'}


def run(*args):
    return subprocess.run([TOOL, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False).stdout


def capture(case):
    return str(case.capture)


def schema(name):
    loaded = json.loads((SCHEMAS / f'{name}.schema.json').read_text())
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


def accounts(document):
    for capture in document['captures']:
        for phone in capture['phones']:
            yield from phone['accounts']


def without_judgement(document):
    document = {k: v for k, v in document.items() if k not in JUDGED | {'format'}}
    for capture in document['captures']:
        for key in JUDGED:
            capture.pop(key, None)
    for account in accounts(document):
        for key in JUDGED:
            account.pop(key, None)
    return document


def join(verdicts):
    """The contract's table "Verdicts", column "upwards"."""
    for verdict in ('fail', 'pass', 'inconclusive'):
        if verdict in verdicts:
            return verdict
    return 'not_applicable' if verdicts else 'inconclusive'


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.verdicts = {case: json.loads(case.run(TOOL)[1]) for case in CASES}
        cls.story = json.loads(run('show', '--json', *map(capture, CASES)))
        # A key log says something of all captures of a run: those that have one are told alone.
        for i, case in enumerate(CASES):
            log = case.folder / 'keylog.txt'
            if log.exists():
                alone = json.loads(run('show', '--json', '--keylog', log, capture(case)))
                cls.story['captures'][i] = alone['captures'][0]

    def test_there_are_captures(self):
        self.assertGreater(len(CASES), 10)

    def test_valid(self):
        validator = schema('verdict')
        for case, document in self.verdicts.items():
            with self.subTest(case=case.name):
                validator.validate(document)
        validator = schema('story')
        for case, shown in zip(CASES, self.story['captures'], strict=True):
            with self.subTest(case=case.name, command='show'):
                validator.validate({**self.story, 'captures': [shown]})

    def test_the_schema_is_strict(self):
        validator = schema('verdict')
        document = json.loads(json.dumps(next(iter(self.verdicts.values()))))
        document['captures'][0]['surprise'] = 1
        self.assertFalse(validator.is_valid(document))
        del document['captures'][0]['surprise'], document['captures'][0]['phones']
        self.assertFalse(validator.is_valid(document))

    def test_both_schemas_describe_one_story(self):
        verdict, story = (json.loads((SCHEMAS / f'{name}.schema.json').read_text())['$defs']
                          for name in ('verdict', 'story'))
        for name in set(verdict) & set(story) - {'account', 'phone', 'capture'}:
            self.assertEqual(verdict[name], story[name], name)

    def test_the_order_of_keys(self):
        def ordered(kind, value, leave_out=frozenset()):
            self.assertEqual(list(value), [key for key in ORDER[kind] if key not in leave_out], kind)

        for documents, less in ((self.verdicts.values(), frozenset()), ([self.story], JUDGED)):
            for document in documents:
                ordered('document', document, less)
                for capture in document['captures']:
                    ordered('capture', capture, less)
                    for phone in capture['phones']:
                        ordered('phone', phone)
                for account in accounts(document):
                    ordered('account', account, less)
                    for result in account.get('results', []):
                        ordered('result', result)
                        for occurrence in result['occurrences']:
                            ordered('occurrence', occurrence)
                    for resolution in account['resolutions']:
                        ordered('resolution', resolution)
                        for query in resolution['queries']:
                            ordered('query', query)
                        for server in resolution['servers']:
                            ordered('ranked', server)
                    for request in account['requests']:
                        ordered('request', request)
                        for attempt in request['attempts']:
                            ordered('attempt', attempt)
                            for response in attempt['responses']:
                                ordered('response', response)

    def test_show_and_check_tell_one_story(self):
        """Whatever is expected: `show` is given no expectations."""
        told = without_judgement(json.loads(json.dumps(self.story)))['captures']
        for shown, (case, document) in zip(told, self.verdicts.items(), strict=True):
            judged = without_judgement(json.loads(json.dumps(document)))['captures'][0]
            self.assertEqual(shown.pop('files'), [capture(case)])
            self.assertEqual(judged.pop('files'), [case.capture.name])
            self.assertEqual(judged, shown, case.name)

    def test_a_story_told_alone(self):
        validator = schema('story')
        for case, shown in list(zip(CASES, self.story['captures']))[:FEW]:
            alone = json.loads(run('show', '--json', case.capture))
            validator.validate(alone)
            self.assertEqual(alone, {**self.story, 'captures': [shown]})

    def test_verdicts_add_up(self):
        for case, document in self.verdicts.items():
            with self.subTest(case=case.name):
                counts = dict.fromkeys(document['summary'], 0)
                for account in accounts(document):
                    for result in account['results']:
                        counts[result['verdict']] += 1
                    self.assertEqual(account['verdict'],
                                     join([result['verdict'] for result in account['results']]))
                self.assertEqual(counts, document['summary'])
                for capture in document['captures']:
                    self.assertEqual(capture['verdict'],
                                     join([account['verdict'] for phone in capture['phones']
                                           for account in phone['accounts']]))
                    self.assertEqual(capture['reason'], None if capture['phones'] else 'no-phone')
                self.assertEqual(document['verdict'],
                                 join([capture['verdict'] for capture in document['captures']]))

    def test_occurrences_name_their_frames(self):
        for case, document in self.verdicts.items():
            for account in accounts(document):
                for result in account['results']:
                    for occurrence in result['occurrences']:
                        frames = occurrence['frames']
                        self.assertEqual(frames, sorted(set(frames)))
                        self.assertEqual(occurrence['filter'], None if not frames else
                                         'frame.number in {%s}' % ','.join(map(str, frames)))
                        if occurrence['verdict'] == 'fail':
                            self.assertTrue(frames, (case.name, result['rule']))
                            self.assertTrue(occurrence['message'], (case.name, result['rule']))
                    if result['verdict'] == 'inconclusive':
                        self.assertTrue(result['reason'] and result['needs'],
                                        (case.name, result['rule']))
                        self.assertFalse(result['needs'].endswith('.'), result['needs'])
                    else:
                        self.assertIsNone(result['needs'], (case.name, result['rule']))

    def test_numbers_are_short(self):
        for case in CASES[:FEW]:
            text = case.run(TOOL)[1].decode()
            for word in text.replace('[', ' ').replace(']', ' ').replace(',', ' ').split():
                if word.replace('.', '').replace('-', '').isdigit() and word.count('.') == 1:
                    fraction = word.split('.')[1]
                    self.assertTrue(len(fraction) <= 6 and not fraction.endswith('0'), word)

    def test_several_captures_make_one_document(self):
        alike = {}
        for case in CASES:
            options = tuple(word.replace('{dir}', str(case.folder)) for word in case.options())
            by_folder = any((case.folder / word).exists() for word in options)
            alike.setdefault((options, case.folder if by_folder else None), []).append(case)
        validator = schema('verdict')
        for (options, _), cases in alike.items():
            if len(cases) == 1:
                continue    # test_valid has it already
            document = json.loads(run('check', '--json', *options, *map(capture, cases)))
            # What is said of each is held against what is said of it alone, which is valid.
            validator.validate({**document, 'captures': document['captures'][:1]})
            for said, case in zip(document['captures'], cases, strict=True):
                self.assertEqual(said.pop('files'), [capture(case)])
                alone = dict(self.verdicts[case]['captures'][0])
                self.assertEqual(alone.pop('files'), [case.capture.name])
                self.assertEqual(said, alone, case.name)

    def test_many_captures_text(self):
        text = run('show', *map(capture, CASES)).decode()
        for case in CASES:
            self.assertIn(capture(case), text)


if __name__ == '__main__':
    TOOL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
