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

    def test_other_warnings_name_none(self):
        warnings, _ = self.warnings(capture([udp(sip('a'))], link_type=147))
        self.assertEqual(warnings['unsupported-link-type']['limits'], [])
        self.assertIn('USER0 (147)', warnings['unsupported-link-type']['message'])


class Nobody(Case):
    """A capture without a phone says why."""

    def test_without_sip(self):
        _, text = self.judge(capture([udp(b'something else')]))
        self.assertIn('no SIP message was found in it', text)

    def test_without_a_phone(self):
        relayed = sip('a').replace(b'From:', b'Via: SIP/2.0/UDP 192.0.2.9\r\nFrom:')
        _, text = self.judge(capture([udp(relayed)]))
        self.assertIn('no host sends SIP requests as a phone does', text)


class Hardware(Case):
    def test_addresses_of_a_loopback_are_none(self):
        for macs, expected in ((MAC + MAC, '02:00:00:00:00:01'), (bytes(12), None)):
            judged, text = self.judge(capture([udp(sip('a'))], macs=macs))
            self.assertEqual([phone['mac'] for phone in judged['phones']], [expected])
            self.assertNotIn('00:00:00:00:00:00', text)


if __name__ == '__main__':
    TOOL = sys.argv.pop(1)
    unittest.main()
