"""Bytes below the application: Ethernet and its kin, ARP, IPv4, IPv6, UDP, TCP, ICMP."""

import hashlib
import ipaddress
import struct

ETHERTYPE = {4: 0x0800, 6: 0x86DD}
ARP = 0x0806


def token(seed, *names, length=8):
    """A reproducible pseudo-random hex string that depends on its names alone."""
    text = '/'.join(str(name) for name in (seed, *names))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def token_bytes(length, seed, *names):
    """Reproducible pseudo-random bytes."""
    out = b''
    block = 0
    while len(out) < length:
        out += hashlib.sha256(f'{seed}/{names}/{block}'.encode()).digest()
        block += 1
    return out[:length]


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac_bytes(text):
    return bytes(int(part, 16) for part in text.split(':'))


def multicast_mac(address):
    if address.version == 4:
        return b'\x01\x00\x5e' + bytes([address.packed[1] & 0x7F]) + address.packed[2:]
    return b'\x33\x33' + address.packed[12:]


def pseudo_header(src, dst, protocol, length):
    if src.version == 4:
        return src.packed + dst.packed + struct.pack('!BBH', 0, protocol, length)
    return src.packed + dst.packed + struct.pack('!IHBB', length, 0, 0, protocol)


def faulty(total, fault, pseudo):
    """The checksum field: as it must be, damaged, or as it is handed to a network card."""
    if fault == 'bad':
        return total ^ 0x0101
    return ~checksum(pseudo) & 0xFFFF if fault == 'offload' else total


def udp(src, sport, dst, dport, payload, fault=None):
    length = 8 + len(payload)
    head = struct.pack('!HHHH', sport, dport, length, 0)
    pseudo = pseudo_header(src, dst, 17, length)
    total = faulty(checksum(pseudo + head + payload) or 0xFFFF, fault, pseudo)
    return head[:6] + struct.pack('!H', total) + payload


def tcp(src, sport, dst, dport, seq, ack, flags, payload=b'', options=b'', window=64240,
        fault=None):
    bits = sum({'F': 1, 'S': 2, 'R': 4, 'P': 8, 'A': 16}[letter] for letter in flags)
    size = 20 + len(options)
    head = struct.pack('!HHIIBBHHH', sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                       (size // 4) << 4, bits, window, 0, 0) + options
    pseudo = pseudo_header(src, dst, 6, size + len(payload))
    total = faulty(checksum(pseudo + head + payload), fault, pseudo)
    return head[:16] + struct.pack('!H', total) + head[18:] + payload


def ipv4(src, dst, protocol, payload, ident, ttl=64, flags=0x4000, offset=0):
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), ident & 0xFFFF,
                       flags | (offset // 8), ttl, protocol, 0, src.packed, dst.packed)
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + payload


def ipv6(src, dst, protocol, payload, ttl=64):
    return struct.pack('!IHBB', 0x60000000, len(payload), protocol, ttl) \
        + src.packed + dst.packed + payload


def ip_packets(src, dst, protocol, payload, ident, mtu=None):
    """The IP packets that carry a payload: one, or its fragments where mtu asks for them."""
    if src.version == 4:
        if mtu is None or 20 + len(payload) <= mtu:
            return [ipv4(src, dst, protocol, payload, ident)]
        step = (mtu - 20) // 8 * 8
        return [ipv4(src, dst, protocol, payload[at:at + step], ident,
                     flags=0x2000 if at + step < len(payload) else 0, offset=at)
                for at in range(0, len(payload), step)]
    if mtu is None or 40 + len(payload) <= mtu:
        return [ipv6(src, dst, protocol, payload)]
    step = (mtu - 48) // 8 * 8
    out = []
    for at in range(0, len(payload), step):
        more = 1 if at + step < len(payload) else 0
        head = struct.pack('!BBHI', protocol, 0, at | more, 0x51990000 + (ident & 0xFFFF))
        out.append(ipv6(src, dst, 44, head + payload[at:at + step]))
    return out


# ICMP errors by name: (type, code) for IPv4 and for IPv6 (RFC 792, RFC 4443).
ICMP_ERRORS = {
    'net': ((3, 0), (1, 0)), 'host': ((3, 1), (1, 3)), 'protocol': ((3, 2), (4, 1)),
    'port': ((3, 3), (1, 4)), 'prohibited': ((3, 13), (1, 1)), 'ttl': ((11, 0), (3, 0)),
}


def icmp_error(src, dst, name, quoted, full=False):
    """An ICMP error that quotes the packet (IP header and 8 bytes, or as much as fits)."""
    if src.version == 4:
        kind = ICMP_ERRORS[name][0] if name in ICMP_ERRORS else tuple(map(int, name.split('/')))
        quote = quoted[:548] if full else quoted[:28]
        body = struct.pack('!BBHI', *kind, 0, 0) + quote
        return 1, body[:2] + struct.pack('!H', checksum(body)) + body[4:]
    kind = ICMP_ERRORS[name][1] if name in ICMP_ERRORS else tuple(map(int, name.split('/')))
    body = struct.pack('!BBHI', *kind, 0, 0) + (quoted[:1232] if full else quoted[:48])
    total = checksum(pseudo_header(src, dst, 58, len(body)) + body)
    return 58, body[:2] + struct.pack('!H', total) + body[4:]


def arp(operation, sender_mac, sender, target_mac, target):
    return struct.pack('!HHBBH', 1, 0x0800, 6, 4, operation) \
        + sender_mac + sender.packed + target_mac + target.packed


def neighbour(kind, mac, src, dst, target):
    """A neighbour solicitation (135) or advertisement (136), RFC 4861."""
    flags = 0x60000000 if kind == 136 else 0
    body = struct.pack('!BBHI', kind, 0, 0, flags) + target.packed \
        + bytes([2 if kind == 136 else 1, 1]) + mac
    total = checksum(pseudo_header(src, dst, 58, len(body)) + body)
    return ipv6(src, dst, 58, body[:2] + struct.pack('!H', total) + body[4:], ttl=255)


def solicited_node(address):
    return ipaddress.ip_address(b'\xff\x02' + b'\0' * 9 + b'\x01\xff' + address.packed[13:])


def _ethernet(packet, pad):
    out = packet.dst_mac + packet.src_mac
    for at, vlan in enumerate(packet.vlans):
        outer_of_two = at == 0 and len(packet.vlans) > 1
        out += struct.pack('!HH', 0x88A8 if outer_of_two else 0x8100, vlan)
    out += struct.pack('!H', packet.ethertype) + packet.payload
    return out + b'\0' * max(0, pad - len(out))


def _cooked_kind(packet):
    if packet.dst_mac == b'\xff' * 6:
        return 1
    if packet.dst_mac[0] & 1:
        return 2
    return 4 if packet.outgoing else 0


def _sll(packet, _pad):
    return struct.pack('!HHH8sH', _cooked_kind(packet), 1, 6, packet.src_mac + b'\0\0',
                       packet.ethertype) + packet.payload


def _sll2(packet, _pad):
    return struct.pack('!HHIHBB8s', packet.ethertype, 0, 2, 1, _cooked_kind(packet), 6,
                       packet.src_mac + b'\0\0') + packet.payload


def _family(packet):
    return {0x0800: 2, 0x86DD: 30}.get(packet.ethertype)


# name: (LINKTYPE number, how a packet is wrapped)
LINKS = {
    'eth': (1, _ethernet),
    'sll': (113, _sll),
    'sll2': (276, _sll2),
    'raw': (101, lambda packet, _pad: packet.payload),
    'ipv4': (228, lambda packet, _pad: packet.payload),
    'ipv6': (229, lambda packet, _pad: packet.payload),
    'null': (0, lambda packet, _pad: struct.pack('<I', _family(packet)) + packet.payload),
    'loop': (108, lambda packet, _pad: struct.pack('!I', _family(packet)) + packet.payload),
}
NEEDS_ETHERNET = {'eth', 'sll', 'sll2'}
