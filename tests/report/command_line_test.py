#!/usr/bin/python3
"""The command line as its users meet it: exit statuses and messages. Usage: command_line_test.py SIPVET"""

import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / 'captures' / 'grandstream-grp26xx-figure-4' / 'capture.pcapng'
PASSES = ['-p', 'grandstream', '--set', 'dns.mode=srv']
FAILS = PASSES + ['--set', 'retry.register.tries=5', '--set', 'retry.register.last_tries=null']
TOOL = None


def run(*args, stdin=None, env=None, stdout=subprocess.PIPE):
    environment = {k: v for k, v in os.environ.items() if k not in ('NO_COLOR', 'TMPDIR')}
    environment.update(env or {})
    done = subprocess.run([TOOL, *map(str, args)], stdin=stdin, stdout=stdout,
                          stderr=subprocess.PIPE, env=environment, check=False)
    done.out = (done.stdout or b'').decode()
    done.err = done.stderr.decode()
    return done


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name, content=b''):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def wrong_use(self, done, *words):
        """Status 2, one line beginning with the tool's name and a hint; nothing on stdout."""
        self.assertEqual(done.returncode, 2, done.err)
        self.assertEqual(done.out, '')
        lines = done.err.splitlines()
        self.assertTrue(lines and lines[0].startswith('sipvet: '), done.err)
        for word in words:
            self.assertIn(word, done.err)

    def status(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.err + done.out)
        for word in words:
            self.assertIn(word, done.err)


class Use(Case):
    def test_no_arguments(self):
        self.wrong_use(run(), 'no command', "Try 'sipvet --help'")

    def test_unknown_command(self):
        self.wrong_use(run('judge'), "unknown command 'judge'", '--help')
        self.wrong_use(run('-v'), "unknown option '-v'")

    def test_unknown_options(self):
        for command in ('check', 'show', 'rules', 'profile'):
            self.wrong_use(run(command, '--frobnicate', GOLDEN), "unknown option '--frobnicate'",
                           f"Try 'sipvet {command} --help'")
            self.wrong_use(run(command, '-Z'), "unknown option '-Z'")

    def test_names_are_not_abbreviated(self):
        self.wrong_use(run('check', '--prof', 'yealink', GOLDEN), "unknown option '--prof'")

    def test_options_of_another_command(self):
        self.wrong_use(run('show', '--strict', GOLDEN), "unknown option '--strict'")
        self.wrong_use(run('check', '--messages', GOLDEN), "unknown option '--messages'")

    def test_values(self):
        self.wrong_use(run('check', GOLDEN, '--profile'), "'--profile' needs a value")
        self.wrong_use(run('check', GOLDEN, '--json='), "'--json' needs a value")
        self.wrong_use(run('check', '--strict=yes', GOLDEN), "'--strict' takes no value")
        self.wrong_use(run('check', '--color=blue', GOLDEN), 'auto, always or never')
        self.wrong_use(run('check', '--as-phone', 'kitchen', GOLDEN), 'expected an IP address')
        self.wrong_use(run('check', '-p', 'yealink', '-p', 'grandstream', GOLDEN), 'twice')
        self.wrong_use(run('check', '--json', '--json=x.json', GOLDEN), '--json was given twice')

    def test_no_capture(self):
        self.wrong_use(run('check'), 'no capture is named')
        self.wrong_use(run('show', '-v'), 'no capture is named')

    def test_expectations_in_error(self):
        self.wrong_use(run('check', '--set', 'retry.register.tires=2', GOLDEN), 'tires')
        self.wrong_use(run('check', '--set', 'retry.register.tries=0', GOLDEN),
                       'retry.register.tries')
        self.wrong_use(run('check', '--set', 'nonsense', GOLDEN), 'nonsense')
        self.wrong_use(run('check', '-p', 'no-such-vendor', GOLDEN), 'no-such-vendor')
        bad = self.file('site.json', b'{"retry": {"register": {"tries": "many"}}}')
        self.wrong_use(run('check', '-p', bad, GOLDEN), 'retry.register.tries')
        bad.write_bytes(b'{"retry": ')
        self.wrong_use(run('check', '-p', bad, GOLDEN), 'site.json')

    def test_unknown_rules(self):
        for option in ('--rule', '--skip', '--require'):
            self.wrong_use(run('check', option, 'retry.smoke', GOLDEN), 'retry.smoke')
            self.wrong_use(run('check', option, 'nothing.*', GOLDEN), 'nothing.*')
        self.wrong_use(run('rules', 'retry.smoke'), 'retry.smoke')

    def test_help_and_version(self):
        for args in (['--help'], ['check', '--help'], ['show', '--help'], ['rules', '--help'],
                     ['profile', '--help']):
            done = run(*args)
            self.status(done, 0)
            self.assertTrue(done.out.startswith('Usage: sipvet'), args)
            self.assertEqual(done.err, '')
            for line in done.out.splitlines():
                self.assertLessEqual(len(line), 100, line)
        for args in (['--version'], ['check', '--version']):
            done = run(*args)
            self.status(done, 0)
            self.assertRegex(done.out, r'^sipvet \d+\.\d+\.\d+\n$')

    def test_each_help_tells_its_own_statuses(self):
        for args, statuses in (([], '01234'), (['check'], '01234'), (['show'], '023'),
                               (['rules'], '02'), (['profile'], '02')):
            told = run(*args, '--help').out.split('Exit status:')[1]
            self.assertEqual(''.join(c for c in told if c.isdigit()), statuses, told)
        self.assertNotIn('passed', run('show', '--help').out)

    def test_the_help_of_check_names_every_option(self):
        text = run('check', '--help').out
        for option in ('-p, --profile', '-c, --phone-config', '--set', '--phone', '--as-phone',
                       '--rule', '--skip',
                       '--strict', '--require', '--json', '--text', '-q, --quiet', '-v, --verbose',
                       '--color', '--version', '--help'):
            self.assertIn(option, text)

    def test_options_anywhere(self):
        a = run('check', *PASSES, GOLDEN)
        b = run('check', GOLDEN, '--set', 'dns.mode=srv', '-pgrandstream')
        c = run('check', '--profile=grandstream', '--set=dns.mode=srv', '--', GOLDEN)
        self.assertEqual(a.out, b.out)
        self.assertEqual(a.out, c.out)


class Outputs(Case):
    def test_text_is_the_default(self):
        done = run('check', *PASSES, GOLDEN)
        self.status(done, 0)
        self.assertIn('PASS', done.out)
        self.assertEqual(done.err, '')
        self.assertNotIn('\033', done.out)

    def test_a_failure_shows_its_evidence(self):
        done = run('check', *FAILS, GOLDEN)
        self.status(done, 1)
        for words in ('FAIL', 'retry.register', 'expected', 'observed', 'frame.number in {955,',
                      'source'):
            self.assertIn(words, done.out)

    def test_quiet(self):
        for options, status in ((PASSES, 0), (FAILS, 1)):
            done = run('check', '-q', *options, GOLDEN)
            self.status(done, status)
            self.assertEqual(done.out + done.err, '')
        out = self.folder / 'x.json'
        self.assertEqual(run('check', '-q', f'--json={out}', *PASSES, GOLDEN).out, '')
        self.assertEqual(json.loads(out.read_text())['verdict'], 'pass')
        self.assertEqual(run('show', '-q', GOLDEN).out, '')

    def test_several_outputs(self):
        a, b = self.folder / 'a.json', self.folder / 'b.txt'
        done = run('check', *PASSES, f'--json={a}', f'--text={b}', GOLDEN)
        self.status(done, 0)
        self.assertEqual(done.out, '')
        self.assertEqual(json.loads(a.read_text())['format'], 'sipvet-verdict/1')
        self.assertEqual(b.read_text(), run('check', *PASSES, GOLDEN).out)
        both = run('check', *PASSES, '--json', f'--text={b}', GOLDEN)
        self.assertEqual(both.out, a.read_text())
        self.wrong_use(run('check', '--json', '--text', GOLDEN), 'one place')
        self.wrong_use(run('check', f'--json={a}', f'--text={a}', GOLDEN), 'one place')

    def test_outputs_that_cannot_be_written(self):
        for command in ('check', 'show'):
            for option in ('--json', '--text'):
                self.wrong_use(run(command, f'{option}=/no/such/folder/x', GOLDEN), 'cannot write')
                self.wrong_use(run(command, f'{option}={self.folder}', GOLDEN), 'cannot write')
                done = run(command, f'{option}=/dev/full', GOLDEN)
                self.status(done, 2, 'cannot write /dev/full', 'space')
        self.wrong_use(run('show', '--messages', '--json=/no/such/folder/x', GOLDEN), 'cannot')

    def test_standard_output_full(self):
        for args in (['check', GOLDEN], ['check', '--json', GOLDEN], ['show', GOLDEN],
                     ['show', '--json', GOLDEN], ['show', '--messages', GOLDEN], ['rules'],
                     ['rules', 'retry.register'], ['profile'], ['profile', 'yealink'], ['--help'],
                     ['check', '--help'], ['--version']):
            with open('/dev/full', 'wb') as full:
                self.status(run(*args, stdout=full), 2, 'standard output')

    def test_a_reader_that_goes_away(self):
        for args in (['check', '--json', GOLDEN], ['show', GOLDEN], ['rules']):
            read, write = os.pipe()
            os.close(read)
            with os.fdopen(write, 'wb') as pipe:
                self.assertEqual(run(*args, stdout=pipe).err, '')

    def test_a_capture_is_never_overwritten(self):
        copy = self.file('copy.pcapng', GOLDEN.read_bytes())
        link = self.folder / 'link'
        link.symlink_to(copy)
        for out in (copy, link):
            self.wrong_use(run('check', f'--json={out}', copy), 'is a capture')
        self.assertEqual(copy.read_bytes(), GOLDEN.read_bytes())

    def test_colour(self):
        self.assertIn('\033[', run('check', '--color=always', GOLDEN).out)
        self.assertIn('\033[', run('check', '--color=always', GOLDEN, env={'NO_COLOR': '1'}).out)
        self.assertNotIn('\033', run('check', '--color=auto', GOLDEN).out)
        self.assertNotIn('\033', run('show', '--color=never', GOLDEN).out)

    def test_no_color_at_a_terminal(self):
        for env, coloured in (({'TERM': 'xterm'}, True), ({'TERM': 'xterm', 'NO_COLOR': '1'}, False),
                              ({'TERM': 'xterm', 'NO_COLOR': ''}, True), ({'TERM': 'dumb'}, False)):
            master, slave = os.openpty()
            run('rules', env=env, stdout=slave)
            os.close(slave)
            text = b''
            try:
                while part := os.read(master, 65536):
                    text += part
            except OSError:
                pass
            os.close(master)
            self.assertEqual(b'\033[' in text, coloured, env)

    def test_reproducible(self):
        for args in (['check', GOLDEN], ['check', '--json', GOLDEN], ['check', '-v', GOLDEN],
                     ['show', GOLDEN], ['show', '--json', GOLDEN], ['show', '--messages', GOLDEN]):
            outs = {run(*args, env={'TZ': zone, 'LC_ALL': 'C', 'MALLOC_PERTURB_': junk}).out
                    for zone, junk in (('UTC', '1'), ('Asia/Tokyo', '85'), ('UTC', '170'))}
            self.assertEqual(len(outs), 1, args)

    def test_lines_fit_the_terminal(self):
        for args in (['check', *FAILS], ['check', '-v', *FAILS], ['show'], ['show', '-v'], ):
            for line in run(*args, GOLDEN).out.splitlines():
                if 'frame.number in' not in line and str(GOLDEN) not in line:
                    self.assertLessEqual(len(line), 100, line)


class Captures(Case):
    def test_missing(self):
        done = run('check', self.folder / 'none.pcap')
        self.status(done, 3, 'none.pcap', 'No such file')
        self.assertEqual(run('show', self.folder / 'none.pcap').returncode, 3)
        self.assertEqual(run('show', '--messages', self.folder / 'none.pcap').returncode, 3)

    def test_no_capture_at_all(self):
        self.status(run('check', self.file('empty.pcap')), 3, 'empty.pcap')
        self.status(run('check', self.file('notes.txt', b'dear diary\n' * 50)), 3, 'notes.txt')
        self.status(run('check', ROOT / 'README.md'), 3, 'README.md')

    def test_cut_in_a_packet(self):
        for golden in (GOLDEN, ROOT / 'captures' / 'format-pcap' / 'capture.pcap',
                       ROOT / 'captures' / 'format-pcap' / 'capture.pcapng'):
            if not golden.exists():
                continue
            whole = golden.read_bytes()
            cut = self.file('cut.pcap', whole[:len(whole) * 7 // 8 + 3])
            done = run('check', '--json', *PASSES, cut)
            self.status(done, 3, 'cut.pcap', 'frame', 'byte')
            document = json.loads(done.out)
            capture = document['captures'][0]
            self.assertIn('damaged', [warning['code'] for warning in capture['warnings']])
            self.assertTrue(capture['phones'])

    def test_json_of_an_unread_capture_is_a_document(self):
        done = run('check', '--json', self.folder / 'none.pcap')
        self.status(done, 3)
        document = json.loads(done.out)
        self.assertEqual(document['verdict'], 'inconclusive')
        self.assertEqual(document['captures'][0]['warnings'][0]['code'], 'damaged')

    def test_folder(self):
        whole = GOLDEN.read_bytes()
        self.file('b/two.pcapng', whole)
        self.file('b/notes.txt', b'no capture')
        self.file('a.pcapng', whole)
        self.file('c/d/three.bin', whole)
        (self.folder / 'c' / 'loop').symlink_to(self.folder)
        done = run('check', '--json', *PASSES, self.folder)
        self.status(done, 0)
        self.assertEqual([capture['files'][0] for capture in json.loads(done.out)['captures']],
                         [str(self.folder / name)
                          for name in ('a.pcapng', 'b/two.pcapng', 'c/d/three.bin')])

    def test_folder_of_what_cannot_be_told(self):
        """What cannot be opened or unpacked may be a capture: named, and the others are read."""
        whole = gzip.compress(GOLDEN.read_bytes(), mtime=0)
        self.file('a.pcapng.gz', whole)
        self.file('b.txt.gz', gzip.compress(b'no capture'))
        os.mkfifo(self.folder / 'pipe.pcap')
        (self.folder / 'gone.pcap').symlink_to(self.folder / 'none')
        (self.folder / 'self.pcap').symlink_to(self.folder / 'self.pcap')
        self.status(run('check', *PASSES, self.folder), 0)
        self.file('c.pcapng.gz', whole[:12])
        done = run('check', '--json', *PASSES, self.folder)
        self.status(done, 3, 'c.pcapng.gz: cannot read it: the gzip data stops at its byte 12')
        self.assertEqual([capture['files'] for capture in json.loads(done.out)['captures']],
                         [[str(self.folder / 'a.pcapng.gz')]])

    def test_folder_of_what_is_passed_over(self):
        """In silence, but for what somebody may take for a capture; a link is no other capture."""
        (self.folder / 'a.pcapng').write_bytes(GOLDEN.read_bytes())
        (self.folder / 'sub').mkdir()
        for link, target in (('0.pcapng', 'a.pcapng'), ('z.pcapng', 'a.pcapng'),
                             ('sub/b.pcapng', '../a.pcapng')):
            (self.folder / link).symlink_to(target)
        self.file('readme.txt', b'no capture')
        self.file('manual.pdf', b'%PDF-1.4')
        self.file('empty.pcap')
        for name in ('Makefile', '__init__.py', 'pcap', 'trace.pcap.txt'):
            self.file(name)
        self.file('old.zip', b'PK\x03\x04....')
        done = run('check', '--json', *PASSES, self.folder)
        self.status(done, 0, 'empty.pcap: passed over: the file is empty',
                    'found a zip archive: unpack it', '0.pcapng: passed over: a link')
        self.assertEqual(len(done.err.splitlines()), 5, done.err)
        self.assertEqual([capture['files'] for capture in json.loads(done.out)['captures']],
                         [[str(self.folder / 'a.pcapng')]])
        for name in ('ring.pcap7', 'x.PCAPNG.gz', 'y.cap.zst', 'z.dmp'):
            self.file(name)
            self.status(run('check', '--json', *PASSES, self.folder), 0,
                        f'{name}: passed over: the file is empty')
        # two links to one that is elsewhere: one
        elsewhere = self.folder / 'links'
        elsewhere.mkdir()
        for name in 'xy':
            (elsewhere / name).symlink_to(GOLDEN)
        done = run('check', '--json', *PASSES, elsewhere)
        self.assertEqual([capture['files'] for capture in json.loads(done.out)['captures']],
                         [[str(elsewhere / 'x')]])

    def test_compressed(self):
        whole = gzip.compress(GOLDEN.read_bytes(), mtime=0)
        path = self.file('trace.pcapng.gz', whole)
        self.status(run('check', *PASSES, path), 0)
        with open(path, 'rb') as capture:
            self.status(run('check', *PASSES, '-', stdin=capture), 0)
        path.write_bytes(whole[:len(whole) * 7 // 8])
        done = run('check', '--json', *PASSES, path)
        self.status(done, 3, 'trace.pcapng.gz: frame ', ' (uncompressed): cannot read on: ',
                    f'the gzip data stops at its byte {len(whole) * 7 // 8}: the file ends there')
        self.assertTrue(json.loads(done.out)['captures'][0]['phones'])
        path.write_bytes(whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:])
        self.status(run('check', *PASSES, path), 3, 'incorrect data check')
        path.write_bytes(whole + b'garbage')
        self.status(run('check', *PASSES, path), 3, 'what follows is something else')

    def test_folder_without_captures(self):
        self.file('notes.txt', b'no capture')
        self.status(run('check', self.folder), 3, 'no capture')

    def test_standard_input(self):
        for golden in (GOLDEN, ROOT / 'captures' / 'format-pcap' / 'capture.pcapng'):
            with open(golden, 'rb') as capture:
                done = run('check', '--json', *PASSES, '-', stdin=capture)
            named = run('check', '--json', *PASSES, golden)
            self.assertEqual(done.returncode, named.returncode)
            self.assertEqual(done.out.replace('"-"', f'"{golden}"'), named.out)
        self.status(run('check', '-', stdin=subprocess.DEVNULL), 3, 'standard input')

    def test_combined_status(self):
        """The first that occurs of 2, 3, 1, 0, 4."""
        none = self.folder / 'none.pcap'
        nobody = self.file('nobody.pcap', bytes.fromhex(
            'd4c3b2a1 0200 0400 00000000 00000000 00000400 01000000'))
        self.status(run('check', nobody), 4, 'no phone')
        self.status(run('check', *PASSES, nobody, GOLDEN), 0)
        self.status(run('check', *FAILS, nobody, GOLDEN), 1)
        self.status(run('check', *FAILS, GOLDEN, none), 3)
        self.status(run('check', *FAILS, none, GOLDEN, '--json=/dev/full'), 2)


class Selections(Case):
    def accounts(self, *args):
        done = run('check', '--json', *PASSES, *args, GOLDEN)
        return done, [account for capture in json.loads(done.out)['captures']
                      for phone in capture['phones'] for account in phone['accounts']]

    def test_phone(self):
        phone = json.loads(run('show', '--json', GOLDEN).out)['captures'][0]['phones'][0]
        for selector in (phone['addresses'][0], phone['mac'], phone['mac'].upper(),
                         phone['accounts'][0]['aor'], phone['accounts'][0]['aor'][4:],
                         phone['user_agents'][0][:11].lower()):
            done, accounts = self.accounts('--phone', selector)
            self.status(done, 0)
            self.assertEqual(len(accounts), 1, selector)

    def test_phone_that_is_not_there(self):
        for selector in ('192.0.2.77', '00:00:00:00:00:77', 'sip:nobody@example.com', 'Nokia'):
            done, accounts = self.accounts('--phone', selector)
            self.status(done, 4, '--phone')
            self.assertEqual(accounts, [])
        self.assertEqual(self.accounts('--phone', 'Nokia', '--phone', 'Grandstream')[0].returncode, 0)

    def test_rules(self):
        for args, expected in ((['--rule', 'retry.register'], {'retry.register'}),
                               (['--rule', 'retry.*', '--skip', 'retry.bye', '--skip',
                                 'retry.invite', '--skip', 'retry.other'],
                                {'retry.register', 'retry.intervals'})):
            _, accounts = self.accounts(*args)
            self.assertEqual({result['rule'] for result in accounts[0]['results']}, expected)

    def test_require(self):
        self.status(run('check', '-q', *PASSES, '--require', 'retry.register', GOLDEN), 0)
        done = run('check', '-q', *PASSES, '--require', 'retry.*', GOLDEN)
        self.status(done, 1, 'retry.invite', 'inconclusive')
        done = run('check', '-q', *PASSES, '--require', 'retry.register', '--skip', 'retry.register',
                   GOLDEN)
        self.status(done, 1, 'was not run')

    def test_strict(self):
        case = ROOT / 'captures' / 'starts-after-lookups' / 'capture.pcapng'
        document = json.loads(run('check', '--json', case).out)
        reasons = [result['reason'] for capture in document['captures']
                   for phone in capture['phones'] for account in phone['accounts']
                   for result in account['results'] if result['verdict'] == 'inconclusive']
        self.assertTrue(set(reasons) - {'not-exercised'}, 'the case has something undecided')
        self.assertEqual(run('check', '-q', '--strict', case).returncode, 1)

    def test_as_phone(self):
        self.assertIn('192.168.10.12', run('show', '--json', '--as-phone', '192.168.10.12',
                                           GOLDEN).out)


class Others(Case):
    def test_rules(self):
        done = run('rules')
        self.status(done, 0)
        names = [line.split()[0] for line in done.out.splitlines() if line[0] != ' ']
        self.assertEqual(len(names), len(set(names)))
        self.assertIn('order.priority', names)
        for name in names:
            text = run('rules', name).out
            for word in (name, 'checks', 'matters', 'steered by', 'passes', 'fails', 'sources', 'RFC'):
                self.assertIn(word, text, name)
            for line in text.splitlines():
                self.assertLessEqual(len(line), 100, line)
        self.assertIn('retry.bye', run('rules', 'retry.*').out)
        self.wrong_use(run('rules', 'a', 'b'), 'one rule')

    def test_profiles(self):
        done = run('profile')
        self.status(done, 0)
        for name in ('rfc3263', 'yealink', 'yealink-t2xp', 'grandstream', 'genesys-sip-cluster'):
            self.assertIn(name, done.out)
            self.assertEqual(json.loads(run('profile', name).out)['name'], name)
        self.wrong_use(run('profile', 'no-such-vendor'), 'no-such-vendor')

    def test_messages(self):
        done = run('show', '--messages', GOLDEN)
        self.status(done, 0)
        lines = [json.loads(line) for line in done.out.splitlines()]
        self.assertEqual({line['kind'] for line in lines}, {'sip', 'dns'})
        out = self.folder / 'messages.jsonl'
        self.assertEqual(run('show', '--messages', f'--json={out}', GOLDEN).out, '')
        self.assertEqual(out.read_text(), done.out)
        self.wrong_use(run('show', '--messages', '--text', GOLDEN), '--text')
        self.wrong_use(run('show', '--messages', '--phone', '192.0.2.1', GOLDEN), '--phone')


if __name__ == '__main__':
    TOOL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
