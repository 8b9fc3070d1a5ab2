"""What a capture rests on, found out from its packets: what a form cannot carry excludes it."""

import re
import struct

from changes import is_sip
from packets import ARP, ICMP, ICMP6, IPV4, IPV6, TCP, UDP, pseudo
import scenario_wire as wire

NEXT = re.compile(rb'\r\n\r\n(?:[A-Z]+ \S+ SIP/2\.0|SIP/2\.0 \d)')
# property: how it reads after "excluded: "
WORDS = {
    'opaque': 'holds a frame that is no whole IP or ARP packet',
    'no-mac': 'has no link addresses to carry',
    'other-link': 'has another link layer than Ethernet',
    'several-links': 'has several link types',
    'several-faces': 'has several interfaces',
    'arp': 'rests on ARP',
    'dhcp': 'rests on DHCP, which tells hosts by link addresses',
    'shared-mac': 'rests on one link address of several IP addresses',
    'two-addresses': 'rests on the link address that two addresses of a phone share',
    'cut': 'has frames cut by the snapshot length',
    'dropped': 'has drop counters',
    'fine-times': 'has times finer than a microsecond',
    'secrets': 'carries TLS secrets',
    'bad-sums': 'has wrong checksums',
    'fragments': 'has fragments',
    'copies': 'holds packets twice',
    'backwards': 'has times that step back',
    'ident-holes': 'shows lost packets by IP identifications',
    'twins': 'has phones of one account that only link addresses tell apart',
    'giant': 'has packets too large for a length field of IEEE 802.3',
    'joined': 'has TCP segments of several messages',
    'overtaken': 'has TCP data that was acknowledged before it came',
    'tcp': 'rests on TCP',
    'icmp': 'rests on ICMP',
    'more-than-sip': 'rests on more than SIP over UDP',
    'no-inside': 'has no phone',
    'no-ipv4': 'has no IPv4',
    'few': 'has too few packets to tell two clocks apart',
    'short': 'has fewer than three frames',
    'no-tcp-data': 'has no TCP data',
    'no-large': 'has no packet larger than 576 bytes',
    'no-sip': 'has no SIP over UDP',
}


def _sum_is_wrong(ip):
    if ip.fragment or ip.protocol not in (UDP, TCP, ICMP, ICMP6):
        return False
    if ip.protocol == UDP and ip.body[6:8] == b'\0\0':
        return False
    start = b'' if ip.protocol == ICMP else pseudo(ip, len(ip.body))
    return wire.checksum(start + ip.body) != 0


def _of_packet(packet, ip):
    """The properties that one packet gives."""
    if packet.kind == ARP:
        yield 'arp'
    if not packet.has_mac:
        yield 'no-mac'
    if packet.cut:
        yield 'cut'
    if ip is None:
        yield 'more-than-sip'
        return
    if ip.fragment:
        yield 'fragments'
    if not is_sip(ip):
        yield 'more-than-sip'
    if ip.protocol == TCP:
        yield 'tcp'
    if ip.protocol in (ICMP, ICMP6):
        yield 'icmp'
    if ip.protocol == UDP and len(ip.body) >= 8 and not ip.offset and \
            {67, 68} & set(struct.unpack_from('!HH', ip.body)):
        yield 'dhcp'
    if _sum_is_wrong(ip):
        yield 'bad-sums'


def _tcp(ip):
    """(flow, flow the other way, sequence number, acknowledged up to, data) of a TCP segment."""
    source, target, seq, ack = struct.unpack_from('!HHII', ip.body)
    return (ip.src, source, ip.dst, target), (ip.dst, target, ip.src, source), seq, \
        ack if ip.body[13] & 0x10 else None, ip.body[(ip.body[12] >> 4) * 4:]


def _overtaken(ips):
    """Whether an acknowledgement was captured before the data that it is of."""
    acked, seen = {}, set()
    for ip in ips:
        if ip.protocol != TCP or len(ip.body) < 20 or ip.fragment:
            continue
        flow, back, seq, ack, data = _tcp(ip)
        if data and (flow, seq) not in seen:
            seen.add((flow, seq))
            if flow in acked and (acked[flow] - seq - 1) & 0xFFFFFFFF < 1 << 20:
                return True
        if ack is not None:
            acked[back] = ack
    return False


def _has_data(ip):
    return ip is not None and ip.protocol == TCP and len(ip.body) >= 20 and \
        len(ip.body) > (ip.body[12] >> 4) * 4


def _ident_holes(subject):
    """Whether a host that counts its IPv4 packets skips some."""
    last = {}
    for ip in subject.ips:
        if ip is None or ip.version != 4:
            continue
        step = (ip.ident - last.get(ip.src, ip.ident)) & 0xFFFF
        if 1 < step < 32:
            return True
        if step < 32:
            last[ip.src] = ip.ident
    return False


def properties(subject):
    """The set of the properties of a capture."""
    out, owners, seen, ips = set(), {}, {}, [ip for ip in subject.ips if ip is not None]
    capture = subject.capture
    used = {frame.interface for frame in capture.frames}
    links = {capture.faces[index].link_number for index in used}
    for frame, packet, ip in zip(capture.frames, subject.packets, subject.ips):
        if frame.length > len(frame.data):
            out.add('cut')
        if packet is None:
            out.add('opaque')
            continue
        out.update(_of_packet(packet, ip))
        if packet.kind in (IPV4, IPV6) and packet.has_mac and not packet.cut:
            source = packet.payload[12:16] if packet.kind == IPV4 else packet.payload[8:24]
            owners.setdefault(packet.src, set()).add(source)
        if ip is not None:
            key = ip.src, ip.ident, ip.offset, ip.body
            if frame.t - seen.get(key, -10 ** 18) < 10_000_000:
                out.add('copies')
            seen[key] = frame.t
    times = [frame.t for frame in capture.frames]
    tests = {
        'other-link': links - {1}, 'several-links': len(links) > 1, 'several-faces': len(used) > 1,
        'shared-mac': any(len(found) > 1 for found in owners.values()),
        'two-addresses': any(len(found - {bytes(4), bytes(16)}) > 1 for found in owners.values()),
        'dropped': any(face.dropped for face in capture.faces),
        'fine-times': any(t % 1000 for t in times), 'secrets': capture.secrets,
        'backwards': times != sorted(times), 'short': len(times) < 3, 'few': len(times) < 20,
        'no-inside': not subject.inside, 'no-ipv4': not any(ip.version == 4 for ip in ips),
        'ident-holes': _ident_holes(subject), 'twins': subject.twins,
        'giant': any(packet.full > 1492 for packet in subject.packets if packet is not None),
        'joined': any(_has_data(ip) and NEXT.search(ip.body) for ip in ips),
        'overtaken': _overtaken(ips),
        'no-tcp-data': not any(map(_has_data, ips)),
        'no-large': not any(len(packet.payload) > 576 and not packet.cut
                            for packet in subject.packets if packet is not None),
        'no-sip': not any(map(is_sip, ips)),
    }
    return out | {name for name, holds in tests.items() if holds}
