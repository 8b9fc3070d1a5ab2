#!/usr/bin/python3
"""--keylog FILE: what it opens, what is wrong with it, and what is said where it does not fit."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIPVET = sys.argv.pop(1)
CASE = ROOT / 'captures' / 'tls-keylog-pass-failover'
CAPTURE, KEYLOG = CASE / 'capture.pcapng', CASE / 'keylog.txt'
INSIDE = ROOT / 'captures' / 'tls-inside-fail-three-tries' / 'capture.pcapng'


def run(*words):
    return subprocess.run([SIPVET, *map(str, words)], capture_output=True, check=False, text=True)


class Keylog(unittest.TestCase):
    def log(self, data):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / 'keys'
        path.write_bytes(data)
        return path

    def messages(self, *words):
        done = run('show', '--messages', *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line for line in done.stdout.splitlines() if '"kind": "sip"' in line], done.stderr

    def test_it_opens_what_it_has_secrets_of(self):
        self.assertEqual(self.messages(CAPTURE), ([], ''))
        whole, errors = self.messages('--keylog', KEYLOG, CAPTURE)
        self.assertEqual((len(whole), errors), (10, ''))
        self.assertTrue(all('"transport": "tls"' in line for line in whole))

    def test_secrets_in_the_capture_need_no_option(self):
        self.assertEqual(len(self.messages(INSIDE)[0]), 4)

    def test_line_ends_and_strange_lines(self):
        lines = KEYLOG.read_bytes().splitlines()
        path = self.log(b'# comment\r\n\r\nwhat is this\r\nCLIENT_RANDOM 00 11\r\n'
                        + b'\r\n'.join(lines))
        told, errors = self.messages('--keylog', path, CAPTURE)
        self.assertEqual(len(told), 10)
        self.assertIn('2 lines passed over', errors)

    def test_a_file_of_no_secrets_is_wrong_use(self):
        for data in (b'not a key log\n', b'\n\nCLIENT_RANDOM\n', b'\0' * 5000,
                     CAPTURE.read_bytes()):
            for command in ('check', 'show'):
                done = run(command, '--keylog', self.log(data), CAPTURE)
                self.assertEqual(done.returncode, 2)
                self.assertIn('CLIENT_RANDOM', done.stderr)
                self.assertEqual(done.stdout, '')

    def test_an_empty_one_is_said(self):
        for data in (b'', b'\n', b'# nothing\n', b'EXPORTER_SECRET ' + b'00' * 32 + b' 00\n'):
            done = run('check', '--keylog', self.log(data), CAPTURE)
            self.assertEqual(done.returncode, run('check', CAPTURE).returncode)
            self.assertIn('there is no secret in this key log', done.stderr)

    def changed(self, change):
        """What is said where lines of the key log are changed."""
        lines = [change(line) for line in KEYLOG.read_bytes().splitlines()]
        path = self.log(b'# keys\n' + b'\n'.join(line for line in lines if line) + b'\n')
        done = run('show', '--json', '--keylog', path, CAPTURE)
        capture = json.loads(done.stdout)['captures'][0]
        return done.stderr, {w['code']: w['count'] for w in capture['warnings']}, path

    def test_a_wrong_secret_is_named_with_its_line(self):
        errors, codes, path = self.changed(
            lambda line: line[:-4] + b'0000' if line.startswith(b'SERVER_TRAFFIC') else line)
        at = next(number for number, line in enumerate(path.read_bytes().splitlines(), 1)
                  if line.startswith(b'SERVER_TRAFFIC'))
        self.assertRegex(errors, rf'frame \d+: SERVER_TRAFFIC_SECRET_0 \(line {at}\) does not open '
                                 r'what 192\.0\.2\.1:5061 sent to 192\.0\.2\.10:\d+')
        self.assertEqual(codes['tls-secrets'], 1)

    def test_a_missing_secret_is_named(self):
        errors, codes, _ = self.changed(
            lambda line: b'' if line.startswith(b'CLIENT_TRAFFIC') else line)
        self.assertRegex(errors, r'what 192\.0\.2\.10:\d+ sent to 192\.0\.2\.1:5061 cannot be '
                                 r'opened: the key log has other secrets .*CLIENT_TRAFFIC_SECRET_0')
        self.assertEqual(codes['tls-secrets'], 1)

    def test_a_wrong_master_secret(self):
        errors, codes, _ = self.changed(
            lambda line: line[:-4] + b'0000' if line.startswith(b'CLIENT_RANDOM') else line)
        self.assertEqual(errors.count('CLIENT_RANDOM (line '), 2)
        self.assertEqual(codes['tls-secrets'], 2)

    def test_a_file_that_cannot_be_read(self):
        for path in ('/nowhere/keys', ROOT):
            done = run('check', '--keylog', path, CAPTURE)
            self.assertEqual(done.returncode, 2)
            self.assertIn('--keylog', done.stderr)

    def test_one_that_does_not_fit_is_said(self):
        done = run('check', '--keylog', KEYLOG, ROOT / 'captures' / 'tls-only' / 'capture.pcapng')
        self.assertIn('secrets of none of its 1 TLS connection', done.stderr)
        done = run('check', '--keylog', KEYLOG,
                   ROOT / 'captures' / 'transport-tcp-refused' / 'capture.pcapng')
        self.assertIn('no TLS connection', done.stderr)

    def test_other_commands_do_not_know_it(self):
        self.assertEqual(run('rules', '--keylog', KEYLOG).returncode, 2)


if __name__ == '__main__':
    unittest.main()
