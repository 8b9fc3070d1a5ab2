#!/usr/bin/python3
"""--keylog FILE: what it opens, what is wrong with it, and what is said where it does not fit."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / 'tests' / 'support'))

import tls_capture                             # noqa: E402

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

    def notes(self, data, capture=CAPTURE):
        done = run('check', '--json', '--keylog', self.log(data), capture)
        capture = json.loads(done.stdout)['captures'][0]
        needs = {rule.get('needs') for phone in capture['phones']
                 for account in phone['accounts'] for rule in account['results']
                 if rule.get('reason') == 'encrypted'}
        return ([w['message'] for w in capture['warnings'] if w['code'] == 'tls-secrets'], needs,
                done.stderr)

    def test_the_report_says_why_too(self):
        master = b'aa' * 48
        for data, said in ((b'', 'the key log has no secret'),
                           (b'RSA 0011223344556677 ' + master, 'nothing but RSA premaster'),
                           (b'CLIENT_RANDOM ' + b'ab' * 32 + b' ' + master, 'are of none of'),
                           (b'RSA Session-ID:' + b'ab' * 32 + b' Master-Key:' + master,
                            'are of none of')):
            messages, needs, errors = self.notes(data)
            self.assertEqual(len(messages), 1, data)
            self.assertIn(said, messages[0])
            self.assertNotIn('passed over', errors)
            self.assertTrue(needs)
            for need in needs:
                self.assertIn('those given do not open them', need)
        self.assertEqual(self.notes(KEYLOG.read_bytes())[0], [])

    def test_connections_are_named_by_frame(self):
        """Whichever ends first."""
        text = (ROOT / 'captures' / 'tls-keylog-pass-premaster-alone' / 'scenario.txt').read_text()
        head = text[:text.index('30     sip1')]
        capture, keys = tls_capture.make(head + '50 phone -> sip2 REGISTER auth\n       <- 200\n'
                                         '60 sip2 -> phone fin\n+0.01 phone -> sip2 close\n'
                                         '90 phone arp dns\n', 'x', ['AES256-GCM-SHA384'])
        path = self.log(capture)
        wrong = b''.join(line[:-5] + b'0000\n' for line in keys.splitlines(True))
        errors = run('show', '--keylog', self.log(wrong), path).stderr
        frames = [int(line.split('frame ')[1].split(':')[0]) for line in errors.splitlines()
                  if 'does not open' in line]
        self.assertGreater(len(frames), 1)
        self.assertEqual(frames, sorted(frames))

    def test_other_commands_do_not_know_it(self):
        self.assertEqual(run('rules', '--keylog', KEYLOG).returncode, 2)


if __name__ == '__main__':
    unittest.main()
