#!/usr/bin/python3
"""What the reports say of the capture itself, on packets made here. Usage: warnings_test.py SIPVET"""

import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / 'rules' / 'schema' / 'verdict.schema.json').read_text())
PHONE, SERVER = '192.0.2.10', '192.0.2.1'
MAC = bytes.fromhex('020000000001')
TOOL = None


def checksum(data):
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def address(text):
    return bytes(map(int, text.split('.')))


def ipv4(protocol, payload, src=PHONE, dst=SERVER):
    header = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
                         address(src), address(dst))
    return header[:10] + struct.pack('>H', checksum(header)) + header[12:] + payload


def udp(payload):
    return ipv4(17, struct.pack('>HHHH', 5060, 5060, 8 + len(payload), 0) + payload)


def tcp(sequence, payload):
    rest = struct.pack('>HHIIBBHHH', 40000, 5060, sequence, 1, 0x50, 0x18, 65535, 0, 0) + payload
    pseudo = address(PHONE) + address(SERVER) + struct.pack('>HH', 6, len(rest))
    total = checksum(pseudo + rest + b'\0' * (len(rest) % 2))
    return ipv4(6, rest[:16] + struct.pack('>H', total) + rest[18:])


def sip(call_id, transport='UDP', body_len=0):
    return (f'OPTIONS sip:{SERVER} SIP/2.0\r\n'
            f'Via: SIP/2.0/{transport} {PHONE};branch=z9hG4bK{call_id}\r\n'
            f'From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n'
            f'Call-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: {body_len}\r\n\r\n').encode()


def register(number):
    """For 60 s, and its answer."""
    headers = (f'Via: SIP/2.0/UDP {PHONE};branch=z9hG4bK{number}\r\n'
               'From: <sip:a@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\n'
               f'Call-ID: register\r\nCSeq: {number} REGISTER\r\n'
               f'Contact: <sip:a@{PHONE}>;expires=60\r\nContent-Length: 0\r\n\r\n')
    return (('REGISTER sip:example.com SIP/2.0\r\n' + headers).encode(),
            ('SIP/2.0 200 OK\r\n' + headers).encode())


def hep(offset, payload, src=PHONE, dst=SERVER):
    """As an agent reports it."""
    chunks = [(2, b'\x11'), (3, address(src)), (4, address(dst)), (7, b'\x13\xc4'),
              (8, b'\x13\xc4'), (9, struct.pack('>I', 1767225600 + int(offset))),
              (10, struct.pack('>I', round(offset % 1 * 1e6))), (11, b'\x01'), (15, payload)]
    body = b''.join(struct.pack('>HHH', 0, kind, 6 + len(value)) + value
                    for kind, value in chunks)
    return b'HEP3' + struct.pack('>H', 6 + len(body)) + body


def tunnelled(packet, depth):
    for _ in range(depth):
        packet = ipv4(4, packet, '198.51.100.1', '198.51.100.2')
    return packet


def capture(packets, link_type=1, macs=MAC + MAC):
    out = [struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, link_type)]
    for n, packet in enumerate(packets):
        frame = macs + b'\x08\0' + packet
        out.append(struct.pack('<IIII', 1767225600 + n, 0, len(frame), len(frame)) + frame)
    return b''.join(out)


def block(kind, body):
    body += b'\0' * (-len(body) % 4)
    length = struct.pack('<I', 12 + len(body))
    return struct.pack('<I', kind) + length + body + length


def pcapng(secrets):
    """A packet behind each block of so many bytes of TLS secrets."""
    out = [block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1)),
           block(1, struct.pack('<HHI', 1, 0, 0))]
    for n, length in enumerate(secrets):
        frame = MAC + MAC + b'\x08\0' + udp(sip(f'c{n}'))
        time_us = 1767225600000000 + n * 100000
        out.append(block(10, struct.pack('<II', 0x544c534b, length) + b'\n' * length))
        out.append(block(6, struct.pack('<IIIII', 0, time_us >> 32, time_us & 0xffffffff,
                                        len(frame), len(frame)) + frame))
    return b''.join(out)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def judge(self, content):
        """The capture as the document has it, and the text."""
        path = self.folder / 'x.pcap'
        path.write_bytes(content)
        document = json.loads(self.run_tool('--json', path))
        jsonschema.validate(document, SCHEMA)
        (judged,) = document['captures']
        return judged, ' '.join(self.run_tool('--text', path).split())

    def run_tool(self, *args):
        return subprocess.run([TOOL, 'check', *args], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False).stdout.decode()

    def warnings(self, content):
        judged, text = self.judge(content)
        return {warning['code']: warning for warning in judged['warnings']}, text


class Limits(Case):
    """`limit-reached` names the limits."""

    def test_tunnels(self):
        warnings, _ = self.warnings(capture([tunnelled(udp(sip('a')), 8)]))
        self.assertNotIn('limit-reached', warnings)
        warnings, text = self.warnings(capture([tunnelled(udp(sip('a')), 9)] * 2))
        self.assertEqual(list(warnings), ['limit-reached'])
        self.assertEqual(warnings['limit-reached']['limits'], [{'limit': 'tunnels', 'count': 2}])
        self.assertIn('deeper than 8', warnings['limit-reached']['message'])
        self.assertIn('deeper than 8', text)

    def test_large_message(self):
        packets, sequence = [], 1
        for data in (sip('a', 'TCP', 2 << 20), sip('b', 'TCP')):
            packets.append(tcp(sequence, data))
            sequence += len(data)
        warnings, text = self.warnings(capture(packets))
        self.assertEqual(warnings['limit-reached']['limits'],
                         [{'limit': 'message-size', 'count': 1}])
        self.assertIn('1 MiB of body', text)

    def test_several(self):
        packets = [tcp(1, sip('a', 'TCP', 2 << 20)), tunnelled(udp(sip('b')), 9)]
        warnings, text = self.warnings(capture(packets))
        self.assertEqual(warnings['limit-reached']['count'], 2)
        self.assertEqual([limit['limit'] for limit in warnings['limit-reached']['limits']],
                         ['tunnels', 'message-size'])
        self.assertIn('limits were reached: tunnels', text)

    def test_tls_secrets(self):
        """Secrets of 16 MiB in all are taken up; blocks beyond do not end the reading."""
        warnings, _ = self.warnings(pcapng([(8 << 20) - 1, (8 << 20) - 1, 2]))
        self.assertNotIn('limit-reached', warnings)
        warnings, _ = self.warnings(pcapng([8 << 20, 8 << 20, 1, 17 << 20]))
        self.assertEqual(list(warnings), ['limit-reached'])
        self.assertEqual(warnings['limit-reached']['limits'],
                         [{'limit': 'tls-secrets-size', 'count': 2}])

    def test_other_warnings_name_none(self):
        warnings, _ = self.warnings(capture([udp(sip('a'))], link_type=147))
        self.assertEqual(warnings['unsupported-link-type']['limits'], [])
        self.assertIn('USER0 (147)', warnings['unsupported-link-type']['message'])


class Missing(Case):
    """Each sign of loss has one code."""

    def test_tcp_gap(self):
        data = sip('a', 'TCP')
        packets = [tcp(1, data), tcp(1 + len(data) + 100, sip('b', 'TCP'))]
        warnings, _ = self.warnings(capture(packets))
        self.assertIn('tcp-gaps', warnings)
        self.assertNotIn('capture-loss', warnings)

    def test_gap_in_what_an_agent_reports(self):
        """Sends of any phone may be in the hole of a stream of HEP packets."""
        def verdicts(lost):
            sequence, packets = 1, []
            for n in range(6):
                request, answer = register(n + 1)
                for data in (hep(30.1 * n, request), hep(30.1 * n + .02, answer, SERVER, PHONE)):
                    if n not in lost:
                        packets.append(tcp(sequence, data))
                    sequence += len(data)
            judged, _ = self.judge(capture(packets))
            (rule,) = [r for p in judged['phones'] for a in p['accounts'] for r in a['results']
                       if r['rule'] == 'register.refresh']
            return {occurrence['verdict'] for occurrence in rule['occurrences']}
        self.assertEqual(verdicts([]), {'pass'})
        self.assertEqual(verdicts([2, 3]), {'pass', 'inconclusive'})

    def test_fragments(self):
        whole = udp(sip('b'))
        first = whole[:20 + 160]
        header = first[:2] + struct.pack('>HHH', len(first), 7, 0x2000) + first[8:10] + b'\0\0'
        header += first[12:20]
        first = header[:10] + struct.pack('>H', checksum(header)) + header[12:] + first[20:]
        warnings, _ = self.warnings(capture([udp(sip('a')), first]))
        self.assertEqual(warnings['capture-loss']['count'], 1)
        self.assertIn('of which fragments are missing', warnings['capture-loss']['message'])


    def test_direction_and_ends_are_named(self):
        content = ROOT / 'captures' / 'one-way-requests-only' / 'capture.pcapng'
        warnings, _ = self.warnings(content.read_bytes())
        self.assertRegex(warnings['one-way']['message'],
                         r'no packet (from [0-9.]+ )?to the phone 192\.0\.2\.10 is there')
        answer = sip('a').replace(b'OPTIONS sip:192.0.2.1 SIP/2.0', b'SIP/2.0 200 OK')
        warnings, _ = self.warnings(capture([udp(answer)]))
        self.assertIn(f'no request of {SERVER} is there, only responses that {PHONE} sent',
                      warnings['one-way']['message'])


class LeftOut(Case):
    """`tls-left-out` counts TLS to a SIP server's address at a port of other use."""

    def case(self, name):
        return self.warnings((ROOT / 'captures' / name / 'capture.pcapng').read_bytes())

    def test_counted(self):
        warnings, text = self.case('tls-left-out')
        self.assertEqual(list(warnings), ['tls-left-out'])
        self.assertEqual(warnings['tls-left-out']['count'], 1)
        self.assertIn('(tls-left-out)', text)

    def test_none_at_the_ports_of_the_records(self):
        self.assertEqual(self.case('tls-only')[0], {})


class Nobody(Case):
    """A capture without a phone says why."""

    def test_without_sip(self):
        _, text = self.judge(capture([udp(b'something else')]))
        self.assertIn('no SIP message was found in it', text)

    def test_without_a_phone(self):
        relayed = sip('a').replace(b'From:', b'Via: SIP/2.0/UDP 192.0.2.9\r\nFrom:')
        _, text = self.judge(capture([udp(relayed)]))
        self.assertIn('no host sends SIP requests as a phone does', text)


    def test_cut_too_short(self):
        whole = capture([udp(sip('a'))])
        _, text = self.judge(whole[:32] + struct.pack('<I', 96) + whole[36:40 + 96])
        self.assertIn('SIP messages are cut too short', text)
        self.assertNotIn('--as-phone', text)

    def test_what_is_no_capture_is_not_damaged(self):
        for content, says in ((b'', 'the file is empty'), (b'some text', 'found text')):
            _, text = self.judge(content)
            self.assertIn('x.pcap: not read note', text)
            self.assertIn(says, text)
            self.assertNotIn('(damaged)', text)
        whole = capture([udp(sip('a')), udp(sip('b'))])
        self.assertIn('(damaged)', self.judge(whole[:-1])[1])

    def test_the_summary_is_broken_before_the_rules(self):
        path = self.folder / 'x.pcap'
        path.write_bytes(capture([udp(b'something else')]))
        self.assertEqual(self.run_tool(path).splitlines()[-1],
                         '  rules: 0 failed, 0 passed, 0 inconclusive, 0 not applicable')


class Hardware(Case):
    def test_addresses_of_a_loopback_are_none(self):
        for macs, expected in ((MAC + MAC, '02:00:00:00:00:01'), (bytes(12), None)):
            judged, text = self.judge(capture([udp(sip('a'))], macs=macs))
            self.assertEqual([phone['mac'] for phone in judged['phones']], [expected])
            self.assertNotIn('00:00:00:00:00:00', text)


if __name__ == '__main__':
    TOOL = sys.argv.pop(1)
    unittest.main()
