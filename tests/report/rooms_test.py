#!/usr/bin/python3
"""The walls between the rooms: reads every #include line of analyzer/ and rules/.

cli -> report -> rules -> phone -> {dns, sip, tls, net} -> capture; all may use base. dns, sip and
tls know neither each other nor packets. Checks do not know each other, reports neither, but for
helpers.
"""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)

MAY_SEE = {
    'base': set(),
    'capture': {'base'},
    'net': {'capture', 'base'},
    'dns': {'base'},
    'sip': {'base'},
    'tls': {'base'},
    'phone': {'net', 'dns', 'sip', 'tls', 'capture', 'base'},
    'rules': {'phone', 'net', 'dns', 'sip', 'tls', 'capture', 'base'},
    'report': {'rules', 'phone', 'net', 'dns', 'sip', 'tls', 'capture', 'base'},
    'cli': {'report', 'rules', 'phone', 'net', 'dns', 'sip', 'tls', 'capture', 'base'},
}

# What reports share: the interface, the writers, and what both views of one kind say alike.
REPORT_HELPERS = {'report', 'json_writer', 'json_story', 'json_result', 'text_writer',
                  'text_common', 'text', 'timeline', 'filter', 'frame_text', 'json_frames'}


def room_of(path):
    """The room of a source file or of an include, both relative to their root."""
    parts = pathlib.PurePath(path).parts
    if parts[0] == 'analyzer':
        parts = parts[1:]
    return 'cli' if parts[0] == 'main.c' else parts[0]


def sources():
    for top in ('analyzer', 'rules'):
        for path in sorted((ROOT / top).rglob('*.[ch]')):
            yield path.relative_to(ROOT), INCLUDE.findall(path.read_text())


def is_rule(path):
    """A check: it defines a rule. Others in its folder are what several checks share."""
    return re.search(r'^const struct rule rule_\w+', path.read_text(), re.M)


class Rooms(unittest.TestCase):
    def test_each_sees_only_what_lies_below(self):
        for path, includes in sources():
            room = room_of(path)
            self.assertIn(room, MAY_SEE, path)
            for include in includes:
                if '/' not in include:
                    self.fail(f'{path}: "{include}" does not say its room')
                self.assertTrue(room_of(include) == room or room_of(include) in MAY_SEE[room],
                                f'{path} ({room}) includes {include}')

    def test_checks_do_not_know_each_other(self):
        folder = ROOT / 'rules' / 'checks'
        rules = {path.stem for path in folder.glob('*.c') if is_rule(path)}
        self.assertTrue(rules)
        for path, includes in sources():
            if path.parent != folder.relative_to(ROOT) or path.stem not in rules:
                continue
            for include in includes:
                name = pathlib.PurePath(include)
                if name.parent == pathlib.PurePath('rules/checks'):
                    self.assertNotIn(name.stem, rules - {path.stem}, f'{path}: {include}')

    def test_reports_do_not_know_each_other(self):
        for path, includes in sources():
            if room_of(path) != 'report':
                continue
            for include in includes:
                name = pathlib.PurePath(include)
                if name.parts[0] == 'report' and name.stem != path.stem:
                    self.assertIn(name.stem, REPORT_HELPERS, f'{path}: {include}')

    def test_the_test_can_fail(self):
        self.assertNotIn('net', MAY_SEE[room_of('analyzer/dns/dns_message.c')])
        self.assertEqual(room_of('rules/checks/retry_count.c'), 'rules')
        self.assertEqual(INCLUDE.findall('# include "a/b.h"\n#include <c.h>\n'), ['a/b.h'])


if __name__ == '__main__':
    unittest.main()
