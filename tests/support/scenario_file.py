"""Capture files: pcapng (little or big endian), pcap (micro- or nanoseconds, either endian)."""

import struct

FORMATS = ('pcapng', 'pcapng-be', 'pcap', 'pcap-ns', 'pcap-be', 'pcap-be-ns')


def _block(order, kind, body):
    body += b'\0' * (-len(body) % 4)
    size = 12 + len(body)
    return struct.pack(order + 'II', kind, size) + body + struct.pack(order + 'I', size)


def _option(order, code, value):
    return struct.pack(order + 'HH', code, len(value)) + value + b'\0' * (-len(value) % 4)


def _pcapng(order, interfaces, packets):
    out = [_block(order, 0x0A0D0D0A, struct.pack(order + 'IHHq', 0x1A2B3C4D, 1, 0, -1))]
    for face in interfaces:
        options = _option(order, 2, face.name.encode())
        if face.resolution != 6:
            options += _option(order, 9, bytes([face.resolution]))
        options += _option(order, 0, b'')
        out.append(_block(order, 1, struct.pack(order + 'HHI', face.link_number, 0, face.snaplen)
                          + options))
    for packet in packets:
        face = interfaces[packet.interface]
        stamp = packet.t // 10 ** (9 - face.resolution)
        data = packet.data
        body = struct.pack(order + 'IIIII', packet.interface, stamp >> 32, stamp & 0xFFFFFFFF,
                           len(data), packet.length) + data + b'\0' * (-len(data) % 4)
        if packet.comment:
            body += _option(order, 1, packet.comment.encode()) + _option(order, 0, b'')
        out.append(_block(order, 6, body))
    for index, face in enumerate(interfaces):
        if face.dropped is None:
            continue
        last = packets[-1].t if packets else 0
        stamp = last // 10 ** (9 - face.resolution)
        received = sum(1 for packet in packets if packet.interface == index) + face.dropped
        body = struct.pack(order + 'III', index, stamp >> 32, stamp & 0xFFFFFFFF) \
            + _option(order, 4, struct.pack(order + 'Q', received)) \
            + _option(order, 5, struct.pack(order + 'Q', face.dropped)) + _option(order, 0, b'')
        out.append(_block(order, 5, body))
    return b''.join(out)


def _pcap(order, nano, interfaces, packets):
    face = interfaces[0]
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = [struct.pack(order + 'IHHiIII', magic, 2, 4, 0, 0, face.snaplen, face.link_number)]
    for packet in packets:
        part = packet.t % 1_000_000_000
        out.append(struct.pack(order + 'IIII', packet.t // 1_000_000_000,
                               part if nano else part // 1000, len(packet.data), packet.length))
        out.append(packet.data)
    return b''.join(out)


def encode(form, interfaces, packets):
    """The bytes of the capture file."""
    order = '>' if '-be' in form else '<'
    if form.startswith('pcapng'):
        return _pcapng(order, interfaces, packets)
    return _pcap(order, form.endswith('-ns'), interfaces, packets)
