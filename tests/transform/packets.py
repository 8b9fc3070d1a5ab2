"""What is inside a frame: link layer off, IP, UDP and TCP apart and together again.

Checksums are made anew where bytes change; those of packets that are only carried elsewhere stay."""

import ipaddress
import struct

import scenario_wire as wire

IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806
TAGS = (0x8100, 0x88A8, 0x9100, 0x9200)
ICMP, TCP, UDP, FRAGMENT, ICMP6 = 1, 6, 17, 44, 58
NO_MAC = b'\0' * 6


class Packet:
    """A link layer's header and what it carries. full: the payload's length on the wire, more
    than there is of it where it was cut."""
    __slots__ = ('head', 'dst', 'src', 'has_mac', 'kind', 'payload', 'full')

    def __init__(self, head, dst, src, has_mac, kind, payload, full):
        self.head, self.dst, self.src, self.has_mac = head, dst, src, has_mac
        self.kind, self.payload, self.full = kind, payload, full

    @property
    def cut(self):
        return self.full > len(self.payload)

    def like(self, payload, full=None):
        return Packet(self.head, self.dst, self.src, self.has_mac, self.kind, payload,
                      len(payload) if full is None else full)


def _version(data):
    return {4: IPV4, 6: IPV6}.get(data[0] >> 4) if data else None


def _ethernet(data):
    at = 12
    kind, = struct.unpack_from('!H', data, at)
    while kind in TAGS:
        at += 4
        kind, = struct.unpack_from('!H', data, at)
    return data[:6], data[6:12], True, kind, at + 2


def _sll(data):
    kind, = struct.unpack_from('!H', data, 14)
    return NO_MAC, data[6:12], True, kind, 16


def _sll2(data):
    kind, = struct.unpack_from('!H', data)
    return NO_MAC, data[12:18], True, kind, 20


def _raw(data):
    return NO_MAC, NO_MAC, False, _version(data), 0


def _null(data):
    return NO_MAC, NO_MAC, False, _version(data[4:]), 4


OPENERS = {1: _ethernet, 113: _sll, 276: _sll2, 101: _raw, 228: _raw, 229: _raw, 0: _null,
           108: _null, 12: _raw}


def open_frame(link, frame):
    """The packet in a frame; None: neither IP nor ARP, or of a link type that is not read here."""
    if link not in OPENERS:
        return None
    try:
        dst, src, has_mac, kind, at = OPENERS[link](frame.data)
    except (struct.error, IndexError):
        return None
    if kind not in (IPV4, IPV6, ARP):
        return None
    payload, full = frame.data[at:], frame.length - at
    size = _size(kind, payload)
    if size is None or size > full:
        return None
    return Packet(frame.data[:at], dst, src, has_mac, kind, payload[:size], size)


def _size(kind, payload):
    """The length that the header claims: what follows is padding."""
    if kind == ARP:
        return 28 if len(payload) >= 28 else None
    if kind == IPV4:
        size = struct.unpack_from('!H', payload, 2)[0] if len(payload) >= 20 else 0
        return size if size >= 20 else None
    return 40 + struct.unpack_from('!H', payload, 4)[0] if len(payload) >= 40 else None


class Ip:
    """An IP packet without extension headers other than that of fragments."""
    __slots__ = ('version', 'src', 'dst', 'ident', 'flags', 'offset', 'more', 'ttl', 'protocol',
                 'body', 'head')

    def __init__(self, packet):
        data = packet.payload
        self.offset = self.more = self.ident = self.flags = 0
        if packet.kind == IPV4:
            self.version = 4
            self.head = (data[0] & 15) * 4
            self.ident, bits = struct.unpack_from('!HH', data, 4)
            self.flags, self.offset, self.more = bits & 0x4000, (bits & 0x1FFF) * 8, bits & 0x2000
            self.ttl, self.protocol = data[8], data[9]
            self.src, self.dst = data[12:16], data[16:20]
        else:
            self.version, self.head = 6, 40
            self.protocol, self.ttl = data[6], data[7]
            self.src, self.dst = data[8:24], data[24:40]
            if self.protocol == FRAGMENT and len(data) >= 48:
                self.protocol, _, bits, self.ident = struct.unpack_from('!BBHI', data, 40)
                self.offset, self.more, self.head = bits & 0xFFF8, bits & 1, 48
        self.body = data[self.head:]

    @property
    def fragment(self):
        return bool(self.offset or self.more)

    def address(self, which):
        return ipaddress.ip_address(which)

    def carry(self, body, ident=None, ttl=None):
        """This packet's header (no options) before another body."""
        src, dst = self.address(self.src), self.address(self.dst)
        if self.version == 4:
            return wire.ipv4(src, dst, self.protocol, body,
                             self.ident if ident is None else ident, ttl or self.ttl,
                             flags=self.flags)
        return wire.ipv6(src, dst, self.protocol, body, ttl or self.ttl)


def ip_of(packet):
    """The IP packet, if it is one and whole; else None."""
    if packet is None or packet.kind == ARP or packet.cut:
        return None
    return Ip(packet)


def pseudo(ip, length):
    """The pseudo header over which UDP, TCP and ICMPv6 sum (RFC 768, 9293, 8200)."""
    if ip.version == 4:
        return ip.src + ip.dst + struct.pack('!BBH', 0, ip.protocol, length)
    return ip.src + ip.dst + struct.pack('!IHBB', length, 0, 0, ip.protocol)


CHECKSUM_AT = {UDP: 6, TCP: 16, ICMP: 2, ICMP6: 2}


def summed(ip, body):
    """The body with its checksum made anew; ip tells addresses and protocol."""
    at = CHECKSUM_AT.get(ip.protocol)
    if at is None or len(body) < at + 2:
        return body
    zero = body[:at] + b'\0\0' + body[at + 2:]
    start = b'' if ip.protocol == ICMP else pseudo(ip, len(body))
    total = wire.checksum(start + zero)
    if ip.protocol == UDP:
        total = total or 0xFFFF
    return body[:at] + struct.pack('!H', total) + body[at + 2:]


def retouched(packet, ttl_less=0, **changes):
    """A copy with a lower TTL, other addresses (src, dst) or body, and the sums of all that."""
    ip = Ip(packet)
    for key, value in changes.items():
        setattr(ip, key, value)
    if changes and not ip.fragment:
        ip.body = summed(ip, ip.body)
    data = bytearray(packet.payload[:ip.head])
    if ip.version == 4:
        data[8] = max(1, ip.ttl - ttl_less)
        data[12:16], data[16:20] = ip.src, ip.dst
        data[10:12] = b'\0\0'
        struct.pack_into('!H', data, 10, wire.checksum(bytes(data)))
    else:
        data[7] = max(1, ip.ttl - ttl_less)
        data[8:24], data[24:40] = ip.src, ip.dst
    return packet.like(bytes(data) + ip.body, packet.full)
