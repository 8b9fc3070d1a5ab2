#!/usr/bin/python3
"""Writes inputs of capture_fuzz into corpus/capture: sections, secrets, odd headers, other formats, and small
captures in each compression (with the programs zstd and lz4)."""

import bz2
import gzip
import lzma
import pathlib
import struct
import subprocess

FOLDER = pathlib.Path(__file__).parent / 'corpus' / 'capture'
# UDP from 192.0.2.1 to 192.0.2.2, as raw IP (LINKTYPE_RAW, 101)
PACKET = bytes.fromhex('4500001e 00010000 4011 0000 c0000201 c0000202 13c413c4000a0000') + b'\r\n'
RAW = 101


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + 'I', len(body) + 12)
    return struct.pack(order + 'I', kind) + size + body + size


def option(order, code, value):
    return struct.pack(order + 'HH', code, len(value)) + value + bytes(-len(value) % 4)


def section(order):
    return block(order, 0x0a0d0d0a, struct.pack(order + 'IHHq', 0x1a2b3c4d, 1, 0, -1))


def interface(order, link_type, *options):
    return block(order, 1, struct.pack(order + 'HHI', link_type, 0, 0) + b''.join(options))


def enhanced(order, number, ticks, packet, *options):
    head = struct.pack(order + 'IIIII', number, ticks >> 32, ticks & 0xffffffff, len(packet),
                       len(packet))
    return block(order, 6, head + packet + bytes(-len(packet) % 4) + b''.join(options))


def secrets(order, kind, text):
    return block(order, 10, struct.pack(order + 'II', kind, len(text)) + text)


def pcap(packets, magic=0xa1b2c3d4, link=RAW, extra=b''):
    head = struct.pack('<IHHIIII', magic, 2, 4, 0, 0, 65535, link)
    return head + b''.join(
        struct.pack('<IIII', 1700000000 + i, 1000, len(packet), len(packet)) + extra + packet
        for i, packet in enumerate(packets))


def snoop(packets, network=4, filling=2):
    return b'snoop\0\0\0' + struct.pack('>II', 2, network) + b''.join(
        struct.pack('>IIIIII', len(packet), len(packet), 24 + len(packet) + filling, i, 1700000000 + i, 1000) +
        packet + bytes(filling) for i, packet in enumerate(packets))


def netmon(packets, minor=0, hole=b'', table=True):
    """Version 2; what trailer a minor version has: see netmon.c."""
    trailer = (struct.pack('<HIQb', 9, 0, 133444736000000000, 0))[:(0, 2, 6, 15)[minor]]
    head = b'GMBU' + struct.pack('<BBH8H', minor, 2, 9, 2023, 11, 2, 14, 22, 13, 20, 250)
    frames, offsets = b'', []
    for i, packet in enumerate(packets):
        frames += hole
        offsets.append(128 + len(frames))
        frames += struct.pack('<QII', i * 1000, len(packet), len(packet)) + packet + trailer
    if table:
        head += struct.pack('<II', 128 + len(frames), 4 * len(offsets))
        frames += struct.pack('<%dI' % len(offsets), *offsets)
    return head.ljust(128, b'\0') + frames


def netmon_1(packets):
    head = b'RTSS' + struct.pack('<BBH8H', 1, 1, 9, 2023, 11, 2, 14, 22, 13, 20, 250)
    return head.ljust(128, b'\0') + b''.join(
        struct.pack('<IHH', i, len(packet), len(packet)) + packet for i, packet in enumerate(packets))


def run(data, *command):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def seeds():
    little, big = '<', '>'
    plain = pcap([PACKET] * 3)
    yield 'sections', (
        section(little) + interface(little, RAW, option(little, 9, b'\x09')) +
        enhanced(little, 0, 1700000000 * 10**9, PACKET) +
        section(big) + interface(big, 1, option(big, 13, b'\x20')) +
        interface(big, RAW, option(big, 14, struct.pack('>q', 5)), option(big, 9, b'\x8a')) +
        enhanced(big, 1, 1 << 40, PACKET, option(big, 2, struct.pack('>I', 4 << 5)),
                 option(big, 4, struct.pack('>Q', 7))))
    yield 'secrets', (
        section(little) + interface(little, RAW) +
        secrets(little, 0x544c534b, b'CLIENT_RANDOM 00 11') +
        secrets(little, 0x57474b4c, b'LOCAL_STATIC_PRIVATE_KEY = x\n') +
        enhanced(little, 0, 1700000000 * 10**6, PACKET) +
        secrets(little, 0x544c534b, b'CLIENT_RANDOM 22 33\n'))
    yield 'pcap-nokia', pcap([PACKET] * 4, extra=b'\1\2\3\4')
    yield 'pcap-patched', pcap([PACKET] * 4, extra=bytes(8))
    yield 'pcap-fcs', pcap([PACKET + b'fcs!'] * 2, link=RAW | 0x24000000)
    yield 'snoop', snoop([PACKET] * 2, network=1 << 31 | 5)
    yield 'snoop-cut', snoop([bytes(12) + b'\x08\0' + PACKET] * 2)[:-20]
    for minor in range(4):
        yield 'netmon-2.%d' % minor, netmon([PACKET] * 3, minor)
    yield 'netmon-holes', netmon([PACKET] * 3, hole=b'\xff' * 5)
    yield 'netmon-no-table', netmon([PACKET] * 3, table=False)
    yield 'netmon-1', netmon_1([PACKET] * 2)
    yield 'netmon-gzip', gzip.compress(netmon([PACKET] * 3, 1), mtime=0)
    packed = gzip.compress(plain, mtime=0)
    yield 'gzip', packed
    yield 'gzip-members', (gzip.compress(plain[:50], mtime=0) + gzip.compress(b'', mtime=0) +
                           gzip.compress(plain[50:], mtime=0) + bytes(8))
    yield 'gzip-cut', packed[:-20]
    yield 'gzip-sum', packed[:-6] + b'\0' + packed[-5:]
    yield 'gzip-garbage', packed + b'garbage'
    yield 'xz', lzma.compress(plain)
    yield 'bzip2', bz2.compress(plain)
    yield 'zstd', run(plain, 'zstd', '-c', '--check', '-')
    yield 'lz4', run(plain, 'lz4', '-c', '-')
    yield 'xz-in-gzip', gzip.compress(lzma.compress(plain), mtime=0)
    deep = plain
    for _ in range(5):
        deep = gzip.compress(deep, mtime=0)
    yield 'gzip-too-deep', deep


for name, content in seeds():
    (FOLDER / name).write_bytes(content)
