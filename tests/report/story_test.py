#!/usr/bin/python3
"""What `show --json` tells of small scenarios: whose, which outcome, which events.
Usage: story_test.py SIPVET"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))

from scenario import compile_text      # noqa: E402

TOOL = None
HOSTS = '''
expires: 60
host phone 192.0.2.10 2001:db8::10
host dns 192.0.2.53
host sip1 192.0.2.1 2001:db8::1
account alice@example.com
zone example.com ttl=3600
  _sip._udp SRV 1 2 5060 sip1
  sip1 A 192.0.2.1
end
'''
REGISTERED = HOSTS + '''
0 phone resolve example.com
1 phone -> sip1 REGISTER
  <- 200
'''
LATER = '''
400 phone -> sip1 OPTIONS
    <- 200
'''


def phones(text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / 'x.pcapng'
        path.write_bytes(compile_text(text))
        shown = subprocess.run([TOOL, 'show', '--json', path], stdout=subprocess.PIPE, check=True)
    return json.loads(shown.stdout)['captures'][0]['phones']


def only_account(text):
    (phone,) = phones(text)
    (account,) = phone['accounts']
    return phone, account


class Resolutions(unittest.TestCase):
    """Contract, section 3: the outcome is that of the resolution, not of what the cache holds."""

    def last(self, line, after=LATER):
        return only_account(REGISTERED + line + after)[1]['resolutions'][-1]

    def test_outcomes(self):
        for line, outcome in (
                ('100 phone dns NAPTR example.com noanswer at=1,3', 'unanswered'),
                ('100 phone dns A sip1.example.com noanswer', 'unanswered'),
                ('100 phone dns NAPTR example.com rcode=SERVFAIL', 'failed'),
                ('100 phone dns SRV _sip._udp.example.com rcode=NXDOMAIN', 'negative'),
                ('100 phone dns SRV _sip._udp.example.com', 'resolved'),
                ('100 phone dns A sip1.example.com', 'resolved')):
            with self.subTest(line):
                found = self.last(line)
                self.assertEqual((found['t'], found['outcome']), (100, outcome))

    def test_unanswered_query(self):
        query = self.last('100 phone dns NAPTR example.com noanswer at=1,3')['queries'][0]
        self.assertEqual((query['rcode'], query['answer_frame'], len(query['frames'])),
                         (None, None, 3))

    def test_cut(self):
        self.assertEqual(self.last('100 phone dns NAPTR example.com noanswer', '')['outcome'],
                         'cut')


class Events(unittest.TestCase):
    def restarts(self, boot):
        text = REGISTERED + boot + '''
        100.5 phone resolve example.com
        101 phone -> sip1 REGISTER call=new
            <- 200
        '''
        return [e['t'] for e in only_account(text)[1]['events'] if e['kind'] == 'restart']

    def test_one_restart_is_one_event(self):
        self.assertEqual(self.restarts('100 phone dhcp'), [100])
        self.assertEqual(self.restarts(''), [101])


class Phones(unittest.TestCase):
    """Contract, section 1: addresses that share an AoR or Contact user are one phone."""

    def test_registered_and_called_over_two_families(self):
        phone, account = only_account(HOSTS + '''
        1 phone -> sip1 REGISTER
          <- 200
        2 phone -> sip1 INVITE v6
          <- 200
          -> ACK
        ''')
        self.assertEqual(phone['addresses'], ['192.0.2.10', '2001:db8::10'])
        self.assertEqual([r['method'] for r in account['requests']], ['REGISTER', 'INVITE'])

    def test_other_names_are_other_phones(self):
        text = HOSTS.replace('account alice', 'host other 192.0.2.11\naccount alice')
        found = phones(text + '''
        account bob@example.com host=other
        1 phone -> sip1 INVITE from="<sip:anonymous@anonymous.invalid>"
          <- 200
          -> ACK
        2 other -> sip1 INVITE account=bob from="<sip:anonymous@anonymous.invalid>"
          <- 200
          -> ACK
        ''')
        self.assertEqual([p['addresses'] for p in found], [['192.0.2.10'], ['192.0.2.11']])


if __name__ == '__main__':
    TOOL = sys.argv.pop(1)
    unittest.main()
