#!/usr/bin/python3
"""Phones' configuration files. Usage: phone_config_test.py SIPVET [--renew]

examples/NAME is read by `sipvet profile`, which must print examples/NAME.meaning to the letter; --renew
writes those anew (then read them: each line must be what the vendor's guide says). The rest are
errors, and what -c does to `sipvet check`.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

EXAMPLES = pathlib.Path(__file__).resolve().parent / 'examples'
CAPTURES = EXAMPLES.parents[2] / 'captures'
TWO = CAPTURES / 'phone-config-pass-yealink-two-accounts'
OTHER = CAPTURES / 'phone-config-pass-another-account'
TOOL = None

SERVER = b'account.1.sip_server.1.address = pbx.example.com\n'
P47 = b'P47=pbx.example.com\n'


def run(*args, cwd=None):
    done = subprocess.run([TOOL, *map(str, args)], cwd=cwd, capture_output=True, check=False)
    done.out = done.stdout.decode()
    done.err = done.stderr.decode()
    return done


def files():
    return sorted(p.name for p in EXAMPLES.iterdir() if p.suffix != '.meaning')


def renew():
    for name in files():
        done = run('profile', name, cwd=EXAMPLES)
        sys.stderr.write(done.err)
        (EXAMPLES / f'{name}.meaning').write_text(done.out)


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def meaning(self, content, *options, name='x.cfg'):
        (self.folder / name).write_bytes(content)
        done = run('profile', *options, name, cwd=self.folder)
        self.assertEqual((done.returncode, done.err), (0, ''))
        return done.out

    def values(self, content, *options):
        """{(account, key): (value, where from)}"""
        account, out = None, {}
        for line in self.meaning(content, *options).splitlines()[1:]:
            if line.startswith('account '):
                account = int(line.split()[1].rstrip(','))
            elif line:
                key, rest = line.split(' = ', 1)
                value, _, origin = rest.partition('  ')
                out[account, key.strip()] = (json.loads(value), origin.strip())
        return out

    def error(self, content, message, name='x.cfg'):
        (self.folder / name).write_bytes(content)
        for command in (['profile', name], ['check', '-c', name, TWO / 'capture.pcapng']):
            done = run(*command, cwd=self.folder)
            self.assertEqual(done.returncode, 2, done.out + done.err)
            self.assertEqual(done.out, '')
            self.assertEqual(done.err.splitlines()[0], f'sipvet: {message}')


class Meaning(Files):
    def test_examples(self):
        self.assertGreater(len(files()), 8)
        for name in files():
            with self.subTest(name):
                done = run('profile', name, cwd=EXAMPLES)
                self.assertEqual(done.err, '')
                self.assertEqual(done.out, (EXAMPLES / f'{name}.meaning').read_text())

    def test_no_value_stands_in_a_setting_of_its_own_alone(self):
        for name in files():
            for line in run('profile', name, cwd=EXAMPLES).out.splitlines():
                if line.startswith('  '):
                    self.assertRegex(line, r' = .*  (vendor default|line \d+: \S+ = .*)')

    def test_forms_do_not_matter(self):
        plain = b'account.1.user_name = 7\n' + SERVER + b'account.1.sip_server.1.port = 0\n'
        for content in (b'\xef\xbb\xbf' + plain, plain.replace(b'\n', b'\r\n'),
                        plain.replace(b' = ', b'='), plain.replace(b' = ', b'\t =  '),
                        plain.replace(b'account', b'  static.account'), plain.rstrip(b'\n'),
                        plain.replace(b'pbx.example.com', b'"pbx.example.com"')):
            got, wanted = self.values(content), self.values(plain)
            self.assertEqual({k: v[0] for k, v in got.items()},
                             {k: v[0] for k, v in wanted.items()})

    def test_later_lines_win(self):
        got = self.values(SERVER + b'account.1.sip_server.1.retry_counts = nonsense\n'
                          b'static.account.1.sip_server.1.retry_counts = 5\n'
                          b'account.1.sip_server.1.retry_counts = 2\n')
        self.assertEqual(got[1, 'retry.register.tries'],
                         ([2, 3], 'line 4: account.1.sip_server.1.retry_counts = 2'))

    def test_empty_settings_are_not_there(self):
        for empty in (b'', b'%NULL%', b'""', b'%EMPTY%', b'%null%'):
            got = self.values(SERVER + b'account.1.sip_server.1.port = ' + empty + b'\n')
            self.assertEqual(got[1, 'servers.0.port'], (5060, 'vendor default'))

    def test_a_literal_y_is_every_server(self):
        got = self.values(SERVER + b'account.1.sip_server.2.address = 192.0.2.2\n'
                          b'account.1.sip_server.Y.invite_retry_counts = 6\n'
                          b'account.1.sip_server.2.invite_retry_counts = 1\n')
        self.assertEqual(got[1, 'retry.invite.tries'][0], [6, 7])
        self.assertEqual(got[1, 'servers.1.retry.invite.tries'][0], [1, 2])

    def test_tries(self):
        for n, tries in ((0, 1), (1, [1, 2]), (20, [20, 21])):
            got = self.values(SERVER + b'account.1.sip_server.1.retry_counts = %d\n' % n)
            for method in ('register', 'bye', 'other'):
                self.assertEqual(got[1, f'retry.{method}.tries'][0], tries)
            self.assertEqual(got[1, 'retry.invite.tries'][1], 'vendor default')

    def test_timeouts_below_a_minute(self):
        for n, seconds in ((0, 0), (1, 60), (59, 60), (60, 60), (61, 61)):
            got = self.values(SERVER + b'account.1.sip_server.1.failback_timeout = %d\n' % n)
            self.assertEqual(got[1, 'failback.timeout_s'][0], seconds)

    def test_a_proxy_takes_the_settings_of_its_server(self):
        base = (SERVER + b'account.1.outbound_proxy_enable = 1\n'
                b'account.1.outbound_proxy.1.address = edge.example.com\n'
                b'account.1.sip_server.1.failback_mode = 2\n'
                b'account.1.sip_server.1.register_on_enable = 1\n'
                b'account.1.sip_server.1.only_signal_with_registered = 1\n')
        got = self.values(base)
        self.assertEqual(got[1, 'failback.mode'][0], 'registration')
        self.assertTrue(got[1, 'failover.only_registered'][0])
        got = self.values(base + b'account.1.outbound_proxy.1.failback_mode = 0\n')
        self.assertEqual(got[1, 'failback.mode'][0], 'new-requests')
        self.assertFalse(got[1, 'failover.only_registered'][0])
        self.assertEqual(got[1, 'servers.0.failback.mode'][0], 'registration')
        self.assertTrue(got[1, 'servers.0.failover.only_registered'][0])
        got = self.values(base.replace(b'proxy_enable = 1', b'proxy_enable = 0'))
        self.assertNotIn((1, 'outbound_proxies.0.host'), got)

    def test_minutes_and_seconds(self):
        got = self.values(P47 + b'P32=10\nP60056=2\nP2330=60\nP209=200\nP250=800\n')
        self.assertEqual(got[1, 'registration.expires_s'][0], 600)
        self.assertEqual(got[1, 'servers.0.expires_s'][0], 600)
        self.assertEqual(got[1, 'failback.timeout_s'][0], 120)
        self.assertEqual(got[1, 'registration.refresh'][0], [0, 0.9])
        self.assertEqual((got[1, 'retry.t1_s'][0], got[1, 'retry.t2_s'][0]), (2, 8))

    def test_p_values_of_all_accounts(self):
        numbers = {'user': (35, 404, 504, 604), 'server': (47, 402, 502, 602),
                   'second': (2312, 2412, 2512, 2612), 'mode': (103, 408, 508, 608),
                   'expires': (32, 412, 512, 612), 't1': (209, 440, 540, 640),
                   't2': (250, 441, 541, 641), 'transport': (130, 448, 548, 648)}
        values = {'user': '7', 'server': 'a.example.com:5070', 'second': 'b.example.com',
                  'mode': '1', 'expires': '3', 't1': '100', 't2': '200', 'transport': '2'}
        text = ''.join(f'P{numbers[key][i]}={value}\n' for i in range(4)
                       for key, value in values.items()).encode()
        got = self.values(text)
        for n in range(1, 5):
            for key, value in (('servers.0.host', 'a.example.com'), ('servers.0.port', 5070),
                               ('servers.1.host', 'b.example.com'), ('dns.mode', 'srv'),
                               ('registration.expires_s', 180), ('retry.t1_s', 1),
                               ('retry.t2_s', 2), ('servers.1.transport', 'tls')):
                self.assertEqual(got[n, key][0], value, (n, key))

    def test_dns_modes(self):
        addresses = b'P2308=192.0.2.1\nP2309=192.0.2.2\nP2310=192.0.2.3\n'
        for value, mode in ((b'0', 'a'), (b'1', 'srv'), (b'2', 'naptr'), (b'3', 'configured')):
            got = self.values(P47 + addresses + b'P103=' + value + b'\n')
            self.assertEqual(got[1, 'dns.mode'][0], mode)
            self.assertEqual(got[1, 'servers.0.host'][0],
                             '192.0.2.1' if mode == 'configured' else 'pbx.example.com')
        self.assertEqual(self.values(P47)[1, 'dns.mode'], ('a', 'vendor default'))
        # Nothing configured, or a server that is an address: as without.
        self.assertEqual(self.values(P47 + b'P103=3\n')[1, 'dns.mode'][0], 'a')
        got = self.values(b'P47=198.51.100.1\n' + addresses + b'P103=3\n')
        self.assertEqual(got[1, 'servers.0.host'][0], '198.51.100.1')

    def test_failover_modes(self):
        for value, mode in ((b'0', 'registration'), (b'1', 'dns-ttl'), (b'2', 'sticky'),
                            (b'3', 'duration')):
            self.assertEqual(self.values(P47 + b'P26040=' + value)[1, 'failback.mode'][0], mode)

    def test_set_wins(self):
        content = (SERVER + b'account.1.sip_server.2.address = 192.0.2.2\n'
                   b'account.1.sip_server.2.retry_counts = 9\n')
        got = self.values(content)
        self.assertEqual(got[1, 'servers.1.retry.register.tries'][0], [9, 10])
        got = self.values(content, '--set', 'retry.register.tries=2')
        self.assertEqual(got[1, 'retry.register.tries'], (2, '--set'))
        self.assertNotIn((1, 'servers.1.retry.register.tries'), got)
        self.assertEqual(got[1, 'servers.1.retry.bye.tries'][0], [9, 10])
        got = self.values(content, '--set', 'retry.register=null')
        self.assertNotIn((1, 'servers.1.retry.register.tries'), got)
        got = self.values(content, '--set', 'servers.1.port=5090')
        self.assertEqual(got[1, 'servers.1.port'], (5090, '--set'))
        done = run('profile', '--set', 'servers.3.port=1', EXAMPLES / 'yealink-fallback.cfg')
        self.assertEqual(done.returncode, 2)
        self.assertIn('--set servers.3.port=1: servers: has 2 entries', done.err)

    def test_passwords_are_not_shown(self):
        self.assertNotIn('hunter2', self.meaning(SERVER + b'account.1.password = hunter2\n'))


class Errors(Files):
    def test_values(self):
        for line, what in (
                ('account.1.sip_server.1.transport_type = 9',
                 'expected an integer from 0 to 3, found "9"'),
                ('account.1.sip_server.1.port = 65536',
                 'expected an integer from 0 to 65535, found "65536"'),
                ('account.1.sip_server.1.expires = 29',
                 'expected an integer from 30 to 2147483647, found "29"'),
                ('account.1.sip_server.1.retry_counts = three',
                 'expected an integer from 0 to 20, found "three"'),
                ('account.1.sip_server.1.invite_retry_counts = 0',
                 'expected an integer from 1 to 10, found "0"'),
                ('account.1.sip_server.1.failback_mode = 4',
                 'expected an integer from 0 to 3, found "4"'),
                ('account.1.sip_server.1.failback_timeout = -5',
                 'expected an integer from 0 to 65535, found "-5"'),
                ('static.account.1.sip_server.2.address = two words',
                 'expected a host name or an IP address, found "two words"'),
                ('account.1.sip_server.3.address = pbx.example.com', 'expected server 1 or 2'),
                ('account.1.enable = yes', 'expected an integer from 0 to 1, found "yes"'),
                ('account.1.fallback.timeout = 9',
                 'expected an integer from 10 to 2147483647, found "9"'),
                ('account.1.naptr_build = 2', 'expected an integer from 0 to 1, found "2"'),
                ('dns_cache_a.1.name = a.example.com',
                 'the record lacks its dns_cache_a.1.ip'),
                ('dns_cache_naptr.2.flags = SX', None),
        ):
            name = line.split(' = ')[0]
            if what:
                self.error(b'#!version:1.0.0.1\n' + SERVER + line.encode() + b'\n',
                           f'x.cfg:3: {name}: {what}')

    def test_records(self):
        a = b'dns_cache_a.1.name = a.example.com\ndns_cache_a.1.ip = 192.0.2.300\n'
        self.error(SERVER + a, 'x.cfg:3: dns_cache_a.1.ip: expected an IP address, found '
                   '"192.0.2.300"')
        a = b'dns_cache_a.1.name = a.example.com\ndns_cache_a.1.ip = 192.0.2.3\n'
        self.error(SERVER + a + b'dns_cache_a.1.ttl = 29\n',
                   'x.cfg:4: dns_cache_a.1.ttl: expected an integer from 30 to 2147483647, '
                   'found "29"')

    def test_the_first_line_in_error_is_named(self):
        self.error(b'account.1.sip_server.1.retry_counts = x\n' + SERVER +
                   b'account.1.enable = 7\n', 'x.cfg:1: account.1.sip_server.1.retry_counts: '
                   'expected an integer from 0 to 20, found "x"')

    def test_grandstream(self):
        for line, what in (
                ('P103=4', 'expected 0 (ARecord), 1 (SRV), 2 (NaptrOrSrv|NAPTR/SRV) or '
                           '3 (UseConfiguredIP), found "4"'),
                ('P32=0', 'expected an integer from 1 to 64800, found "0"'),
                ('P209=500', 'expected 50 (0.5sec), 100 (1sec) or 200 (2sec), found "500"'),
                ('P60055=11', 'expected an integer from 1 to 10, found "11"'),
                ('P48=edge.example.com:0', 'expected a host, or host:port with a port from 1 to '
                                           '65535, found "edge.example.com:0"'),
                ('P2330=3600', 'expected less than the lifetime of 3600 s, found "3600"'),
                ('P271=maybe', 'expected 0 (No) or 1 (Yes), found "maybe"')):
            name = line.split('=')[0]
            self.error(P47 + line.encode(), f'x.cfg:2: {name}: {what}')

    def test_what_does_not_matter_is_not_read(self):
        plain = self.values(SERVER)
        self.assertEqual(self.values(SERVER + b'account.1.codec.1.enable = maybe\n'
                                     b'no equals sign\nvoice.tone.country = \xff\xfe\n'
                                     b'account.2.enable = 0\n'
                                     b'account.2.sip_server.1.port = x\n'), plain)

    def test_lines(self):
        self.error(SERVER + b'account.1.sip_server.1.port 5060\n',
                   'x.cfg:2: expected NAME = VALUE, found "account.1.sip_server.1.port 5060"')
        self.error(SERVER + b'account.1.sip_server.1.port = 5\0\n',
                   'x.cfg:2: a NUL byte; this is no text')

    def test_terminals_are_safe(self):
        self.error(SERVER + b'account.1.sip_server.1.port = \033[31m\xff\n',
                   'x.cfg:2: account.1.sip_server.1.port: expected an integer from 0 to 65535, '
                   'found "?[31m?"')

    def test_no_configuration(self):
        unknown = ("no phone's configuration that is known here (Yealink: account.1.… = …; "
                   'Grandstream: XML, or P47=…)')
        for content in (b'', b'hello\n', b'\0\1\2', b'[section]\nx = 1\n'):
            (self.folder / 'x.cfg').write_bytes(content)
            done = run('check', '-c', 'x.cfg', TWO / 'capture.pcapng', cwd=self.folder)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.err.splitlines()[0], f'sipvet: x.cfg: {unknown}')
        done = run('check', '-c', 'none.cfg', TWO / 'capture.pcapng', cwd=self.folder)
        self.assertEqual((done.returncode, done.err.splitlines()[0]),
                         (2, 'sipvet: none.cfg: No such file or directory'))
        done = run('check', '-c', '.', TWO / 'capture.pcapng', cwd=self.folder)
        self.assertEqual(done.returncode, 2)

    def test_no_account(self):
        none = 'x.cfg: no account of it is switched on and has a server'
        for content in (b'#!version:1.0.0.1\n', SERVER + b'account.1.enable = 0\n',
                        b'P271=1\n', P47 + b'P271=0\n', b'<gs_provision/>'):
            self.error(content, none)

    def test_xml(self):
        xml = '<gs_provision>\n<config>\n%s\n</config>\n</gs_provision>'
        self.error((xml % '<P47>a.example.com').encode(),
                   'x.cfg:4: no well-formed XML: mismatched tag')
        self.error(b'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "aaaa">'
                   b'<!ENTITY b "&a;&a;&a;&a;">]>\n<x>&b;</x>',
                   'x.cfg:2: a document type declaration, which no phone\'s configuration needs')
        self.error((xml % ('<a>' * 20 + '</a>' * 20)).encode(),
                   'x.cfg:3: nested deeper than 16 elements')
        self.error((xml % '<P47>a.example.com</P47>\n<P103>\n9\n</P103>').encode(),
                   'x.cfg:4: P103: expected 0 (ARecord), 1 (SRV), 2 (NaptrOrSrv|NAPTR/SRV) or '
                   '3 (UseConfiguredIP), found "9"')
        self.error((xml % ('<P47>' + 'a' * 5000 + '</P47>')).encode(),
                   'x.cfg:3: P47: expected a host name or an IP address, found "' + 'a' * 59 + '…')

    def test_large_files(self):
        (self.folder / 'x.cfg').write_bytes(SERVER + b'# filler\n' * 600000)
        done = run('profile', 'x.cfg', cwd=self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn('larger than 4 MiB', done.err)
        lines = b''.join(b'account.1.x%d = 1\n' % i for i in range(100000))
        self.assertEqual(self.values(SERVER + lines), self.values(SERVER))


class Check(Files):
    def verdict(self, folder, *options):
        done = run('check', '--json', *options, 'capture.pcapng', cwd=folder)
        return json.loads(done.out), done

    def test_each_account_by_its_own(self):
        document, _ = self.verdict(TWO, '-c', 'phone.cfg')
        accounts = document['captures'][0]['phones'][0]['accounts']
        self.assertEqual([a['expectations'] for a in accounts],
                         ['account 1 of phone.cfg', 'account 2 of phone.cfg'])
        self.assertEqual(document['expectations'],
                         {'name': 'yealink', 'overrides': [],
                          'from': ['profile:yealink', 'phone-config:phone.cfg']})
        results = {r['rule']: r for r in accounts[1]['results']}
        source = results['retry.register']['sources'][0]
        self.assertEqual((source['basis'], source['document']), ('site', 'phone.cfg'))

    def test_long_option_and_text(self):
        done = run('check', '--phone-config=phone.cfg', 'capture.pcapng', cwd=TWO)
        self.assertIn('judged by account 2 of phone.cfg', done.out)
        self.assertEqual(done.err, '')

    def test_precedence(self):
        tries = '{"retry": {"register": {"tries": 9}, "invite": {"tries": 8}}}'
        (self.folder / 'site.json').write_text(tries)
        site = self.folder / 'site.json'
        document, _ = self.verdict(TWO, '-c', 'phone.cfg', '-p', site)
        self.assertEqual(document['expectations']['from'],
                         [f'file:{site}', 'phone-config:phone.cfg'])
        self.assertEqual(document['verdict'], 'pass')
        document, _ = self.verdict(TWO, '-c', 'phone.cfg', '--set', 'retry.register.tries=7')
        verdicts = [{r['rule']: r['verdict'] for r in a['results']}['retry.register']
                    for a in document['captures'][0]['phones'][0]['accounts']]
        self.assertEqual(verdicts, ['fail', 'pass'])

    def test_an_account_that_is_not_in_the_file(self):
        document, done = self.verdict(OTHER, '-c', 'phone.cfg')
        accounts = document['captures'][0]['phones'][0]['accounts']
        self.assertEqual([a['expectations'] for a in accounts], ['yealink'])
        self.assertEqual(done.err, 'sipvet: capture.pcapng: no account in it is one of phone.cfg; '
                         'judged by yealink\n')

    def test_a_file_without_users_fits_by_its_server(self):
        (self.folder / 'x.cfg').write_bytes(
            b'account.1.sip_server.1.address = example.com\n'
            b'account.2.user_name = carol\naccount.2.sip_server.1.address = example.org\n')
        document, _ = self.verdict(OTHER, '-c', self.folder / 'x.cfg')
        accounts = document['captures'][0]['phones'][0]['accounts']
        self.assertEqual([a['expectations'] for a in accounts], ['account 1 of x.cfg'])

    def test_given_twice(self):
        done = run('check', '-c', 'phone.cfg', '-c', 'phone.cfg', 'capture.pcapng', cwd=TWO)
        self.assertEqual(done.returncode, 2)
        self.assertIn('--phone-config was given twice', done.err)
        done = run('check', '-p', 'phone.cfg', 'capture.pcapng', cwd=TWO)
        self.assertEqual((done.returncode, done.err.splitlines()[0]),
                         (2, "sipvet: phone.cfg: this is a phone's configuration; give it with "
                             '--phone-config'))
        self.assertIn("unknown option '-c'", run('show', '-c', 'x', 'y').err)


if __name__ == '__main__':
    TOOL = str(pathlib.Path(sys.argv.pop(1)).resolve())
    if '--renew' in sys.argv:
        sys.exit(renew())
    unittest.main()
