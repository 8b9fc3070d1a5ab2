#!/usr/bin/python3
"""The scenario language does what captures/README.md says: read back with a decoder of its own."""

import pathlib
import re
import struct
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))

from scenario import compile_text              # noqa: E402
from scenario_text import ScenarioError        # noqa: E402

MANUAL = pathlib.Path(__file__).resolve().parents[2] / 'captures' / 'README.md'
HEAD = '''
host phone 192.0.2.10 2001:db8::10
host dns 192.0.2.53
host sip1 192.0.2.1 2001:db8::1
host sip2 192.0.2.2
account alice@example.com
'''


def total(data):
    """The one's complement sum; 0xFFFF over a header with its right checksum."""
    data += b'\0' * (len(data) % 2)
    value = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return value


class Packet:
    """An Ethernet frame of a little-endian pcapng, as far as these tests look."""

    def __init__(self, t, data):
        self.t = t
        self.data = data
        self.payload = b''
        self.protocol = None
        kind = struct.unpack_from('!H', data, 12)[0]
        if kind == 0x0800:
            size = struct.unpack_from('!H', data, 16)[0]
            ip = data[14:14 + size]
            assert total(ip[:20]) == 0xFFFF
            self.protocol, self.fragment = ip[9], struct.unpack_from('!H', ip, 6)[0] & 0x3FFF
            body, pseudo = ip[20:], ip[12:20] + struct.pack('!BBH', 0, ip[9], len(ip) - 20)
        elif kind == 0x86DD:
            ip = data[14:]
            self.protocol, self.fragment = ip[6], 0
            body, pseudo = ip[40:], ip[8:40] + struct.pack('!IHBB', len(ip) - 40, 0, 0, ip[6])
        else:
            return
        if self.fragment:
            return
        if self.protocol in (6, 17, 58):
            assert total(pseudo + body) == 0xFFFF, 'wrong checksum'
        if self.protocol == 17:
            self.ports = struct.unpack_from('!HH', body)
            self.payload = body[8:]
        elif self.protocol == 6:
            self.ports = struct.unpack_from('!HH', body)
            self.seq = struct.unpack_from('!I', body, 4)[0]
            self.flags = body[13]
            self.payload = body[(body[12] >> 4) * 4:]
        elif self.protocol == 1:
            assert total(body) == 0xFFFF, 'wrong ICMP checksum'
            self.icmp = (body[0], body[1])


def packets(text, head=HEAD):
    data = compile_text(head + text)
    at, out, first = 0, [], None
    while at < len(data):
        kind, size = struct.unpack_from('<II', data, at)
        if kind == 6:
            high, low, length = struct.unpack_from('<III', data, at + 12)
            stamp = high << 32 | low
            first = 1767225600 * 10 ** 6 if first is None else first
            out.append(Packet(stamp - first, data[at + 28:at + 28 + length]))
        at += size
    return out


def messages(text, head=HEAD):
    return [p.payload.decode() for p in packets(text, head) if b'SIP/2.0' in p.payload]


def header(message, name):
    found = re.search(rf'^{name}: (.*?)\r$', message, re.M)
    return found.group(1) if found else None


class Manual(unittest.TestCase):
    def test_the_first_taste_compiles(self):
        block = re.search(r'A first taste:\n\n```\n(.*?)```', MANUAL.read_text(), re.S).group(1)
        self.assertEqual(compile_text(block), compile_text(block))
        self.assertEqual([p.t for p in packets(block, '')][-1], 53_530_000)


class Sending(unittest.TestCase):
    def test_repetition_follows_rfc_3261(self):
        half = 500_000
        self.assertEqual([p.t for p in packets('1 phone -> sip1 REGISTER repeat')],
                         [1_000_000 + half * n for n in (0, 1, 3, 7, 15, 23, 31, 39, 47, 55, 63)])
        self.assertEqual([p.t for p in packets('0 phone -> sip1 INVITE repeat')],
                         [half * n for n in (0, 1, 3, 7, 15, 31, 63)])
        self.assertEqual(len(packets('0 phone -> sip1 INVITE repeat=3')), 3)

    def test_explicit_times_and_losses(self):
        self.assertEqual([p.t for p in packets('0 phone -> sip1 BYE call=x at=0.5,1.5 lost=2')],
                         [0, 1_500_000])

    def test_relative_times_count_from_the_last_send(self):
        self.assertEqual([p.t for p in packets('1 phone -> sip1 REGISTER at=0.5\n+2 <- 200')],
                         [1_000_000, 1_500_000, 3_500_000])

    def test_frame_numbers(self):
        got = packets('0 phone -> sip1 REGISTER\n1 fill to=50\n2 <- 200 frame=50')
        self.assertEqual((len(got), got[49].t), (50, 2_000_000))

    def test_frames_overtake_each_other(self):
        text = '0 phone -> sip1 REGISTER\n1 <- 200\n1 overtake'
        right = packets(text.rpartition('\n')[0])
        got, stepped = packets(text), packets(text + ' order')
        self.assertEqual([p.data for p in got], [p.data for p in reversed(right)])
        self.assertEqual([p.t for p in got], [0, 1_000_000])
        self.assertEqual([p.t for p in stepped], [1_000_000, 0])
        with self.assertRaises(ScenarioError):
            packets('0 phone -> sip1 REGISTER\n0 overtake')

    def test_icmp_quotes_the_packet(self):
        got = packets('0 phone -> sip1 REGISTER\n<- icmp prohibited')
        self.assertEqual(got[1].icmp, (3, 13))
        self.assertEqual(got[1].data[42:70], got[0].data[14:42])

    def test_fragments(self):
        got = packets('0 phone -> sip1 REGISTER fragment=300 fragment-order=2,1')
        self.assertEqual([bool(p.data[20] & 0x20) for p in got], [False, True])


class Sip(unittest.TestCase):
    def test_identity_of_requests(self):
        one, two, moved = messages('0 phone -> sip1 REGISTER\n1 phone -> sip1 REGISTER\n'
                                   '2 phone -> sip2 again')
        self.assertEqual(header(one, 'Call-ID'), header(two, 'Call-ID'))
        self.assertEqual((header(one, 'CSeq'), header(two, 'CSeq')), ('1 REGISTER', '2 REGISTER'))
        self.assertNotEqual(header(one, 'Via'), header(two, 'Via'))
        self.assertEqual(two, moved)

    def test_ack_of_a_rejection_belongs_to_the_invite(self):
        invite, _, ack = messages('0 phone -> sip1 INVITE\n<- 486\n-> ACK')
        self.assertEqual(header(invite, 'Via'), header(ack, 'Via'))
        self.assertIn(';tag=', header(ack, 'To'))

    def test_a_call_has_a_route_and_tags(self):
        got = messages('0 phone -> sip1 INVITE\n<- 200 "Record-Route: <sip:192.0.2.1;lr>"\n-> ACK\n'
                       '5 sip1 -> phone BYE\n<- 200')
        ack, bye = got[2], got[3]
        self.assertEqual(header(ack, 'Route'), '<sip:192.0.2.1;lr>')
        self.assertEqual(header(ack, 'To'), header(bye, 'From'))
        self.assertEqual(header(ack, 'From'), header(bye, 'To'))
        self.assertTrue(bye.startswith('BYE sip:alice@192.0.2.10:5060 SIP/2.0'))

    def test_digest_of_rfc_2617(self):
        """The response of RFC 7616 3.9.1's kind, computed here a second time."""
        import hashlib
        got = messages('0 phone -> sip1 REGISTER\n<- 401 nonce=abc\n-> REGISTER auth')[2]
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', header(got, 'Authorization')))

        def md5(text):
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        wanted = md5(':'.join((md5('alice:example.com:secret'), 'abc', fields['nc'],
                               fields['cnonce'], 'auth', md5('REGISTER:sip:example.com'))))
        self.assertEqual(fields['response'], wanted)

    def test_content_length_counts_bytes(self):
        for message in messages('0 phone -> sip1 INVITE\n<- 200\n-> ACK'):
            self.assertEqual(int(header(message, 'Content-Length')),
                             len(message.split('\r\n\r\n', 1)[1]))

    def test_ipv6(self):
        message = messages('0 phone -> sip1 REGISTER v6')[0]
        self.assertIn('SIP/2.0/UDP [2001:db8::10]:5060;', header(message, 'Via'))


class Tcp(unittest.TestCase):
    def test_handshake_comes_before(self):
        got = packets('1 phone -> sip1 REGISTER tcp')
        self.assertEqual([p.t for p in got], [997_000, 998_000, 999_000, 1_000_000, 1_000_200])
        self.assertEqual([p.flags for p in got], [2, 18, 16, 24, 16])

    def test_segments_carry_the_message_once(self):
        text = '1 phone -> sip1 REGISTER tcp split=100,200 order=3,1,2 overlap=10'
        got = [p for p in packets(text) if p.protocol == 6 and p.payload]
        self.assertEqual(len(got), 3)
        stream = {}
        for p in got:
            for at, byte in enumerate(p.payload):
                self.assertEqual(stream.setdefault(p.seq + at, byte), byte)
        text = bytes(stream[at] for at in sorted(stream))
        self.assertTrue(text.startswith(b'REGISTER ') and text.endswith(b'\r\n\r\n'))
        self.assertEqual(sorted(stream), list(range(min(stream), max(stream) + 1)))


class Names(unittest.TestCase):
    ZONE = '''
zone example.com
  @ NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp
  _sip._udp SRV 2 0 5060 sip2
  _sip._udp SRV 1 0 5060 sip1
  sip1 A 192.0.2.1
  sip2 A 192.0.2.2
end
'''

    def test_the_chain_asks_the_best_first(self):
        asked = [p.payload[12:] for p in packets(self.ZONE + '0 phone resolve example.com')
                 if p.ports[1] == 53]
        self.assertEqual(len(asked), 4)
        self.assertEqual([q[:5] for q in asked[2:]], [b'\x04sip1', b'\x04sip2'])

    def test_negative_answers(self):
        codes = [p.payload[3] & 15 for p in packets(
            self.ZONE + '0 phone dns A nobody.example.com\n1 phone dns AAAA sip1.example.com\n'
                        '2 phone dns A sip1.example.com rcode=SERVFAIL') if p.ports[0] == 53]
        self.assertEqual(codes, [3, 0, 2])

    def test_truncation(self):
        answer = packets(self.ZONE + '0 phone dns SRV _sip._udp.example.com truncated')[1].payload
        self.assertEqual((answer[2] & 2, answer[7]), (2, 0))


class Faults(unittest.TestCase):
    def test_each_is_told_with_its_line(self):
        for text, wanted in {
            '0 phone -> sip9 REGISTER': 'no host "sip9"',
            '0 phone -> sip1 REGISTER expire=3': 'not understood: expire=',
            '0 phone -> sip1 dance': '"dance": no such message',
            '0 phone -> sip1 REGISTER tcp': 'no room for the TCP handshake',
            '0 phone -> sip1 REGISTER frame=2': 'it is frame 1',
            '0 phone -> sip1 BYE': 'BYE without a call',
            '0 phone dns A': 'the name is missing',
            'zone example.com': 'no "end"',
            'colour: red': 'unknown setting',
            '0 do nothing': 'nothing is defined',
        }.items():
            with self.subTest(text), self.assertRaises(ScenarioError) as caught:
                compile_text(HEAD + text, 'x')
            self.assertIn(wanted, str(caught.exception))
            self.assertRegex(str(caught.exception), r'^x:7: ')


if __name__ == '__main__':
    unittest.main()
