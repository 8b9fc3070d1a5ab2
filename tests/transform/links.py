"""Link layers and tunnels: the header that each puts before a packet.

A wrapper is given a packet and its number and returns (head, tail); what lies between stays as it
is, cut or not. Tunnels of Ethernet carry the whole frame, tunnels of IP only what it carries."""

import ipaddress
import struct
import zlib

import scenario_wire as wire
from packets import ARP, IPV4, IPV6

NEAR, FAR = ipaddress.ip_address('10.99.0.1'), ipaddress.ip_address('10.99.0.2')
NEAR6, FAR6 = ipaddress.ip_address('fd00:99::1'), ipaddress.ip_address('fd00:99::2')
NEAR_MAC, FAR_MAC = bytes.fromhex('029900000001'), bytes.fromhex('029900000002')
BSSID = bytes.fromhex('0299000000ff')
PPP_TYPE = {IPV4: 0x0021, IPV6: 0x0057}


def _ethernet(packet, *tags, kind=None):
    """Ethernet with tags, each (EtherType, number)."""
    out = packet.dst + packet.src
    for tag in tags:
        out += struct.pack('!HH', *tag)
    return out + struct.pack('!H', packet.kind if kind is None else kind)


def _upwards(packet):
    """Which way a packet goes between the two ends of a tunnel: some fixed choice."""
    if packet.kind == IPV4:
        return packet.payload[12:16] < packet.payload[16:20]
    return packet.payload[8:24] < packet.payload[24:40]


def _outer(packet, number, protocol, middle, six=False):
    """Ethernet and IP from one end of a tunnel to the other; middle is what follows them."""
    up = _upwards(packet)
    macs = FAR_MAC + NEAR_MAC if up else NEAR_MAC + FAR_MAC
    length = len(middle) + packet.full
    if six:
        ends = (NEAR6, FAR6) if up else (FAR6, NEAR6)
        return macs + b'\x86\xdd' + struct.pack('!IHBB', 0x60000000, length, protocol, 64) \
            + ends[0].packed + ends[1].packed + middle
    ends = (NEAR, FAR) if up else (FAR, NEAR)
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + length, number & 0xFFFF, 0x4000, 64, protocol,
                       0, ends[0].packed, ends[1].packed)
    return macs + b'\x08\x00' + head[:10] + struct.pack('!H', wire.checksum(head)) + head[12:] \
        + middle


def _outer_udp(packet, number, port, middle):
    """The same with UDP, its checksum 0 as tunnels may (RFC 7348 5, RFC 8085 3.4)."""
    length = 8 + len(middle) + packet.full
    udp = struct.pack('!HHHH', 49152 + number % 16384, port, length, 0)
    return _outer(packet, number, 17, udp + middle)


def _vlan(packet, _number):
    return _ethernet(packet, (0x8100, 10)), b''


def _qinq(packet, _number):
    return _ethernet(packet, (0x88A8, 20), (0x8100, 10)), b''


def _qinq_old(packet, _number):
    return _ethernet(packet, (0x9100, 20), (0x8100, 0x6000)), b''


def _padded(packet, _number):
    head = _ethernet(packet)
    return head, b'\0' * max(0, 60 - len(head) - packet.full)


def _with_fcs(packet, number):
    head, tail = _padded(packet, number)
    total = zlib.crc32(head + packet.payload + tail)
    return head, tail + struct.pack('<I', total)


def _snap(packet, _number):
    """IEEE 802.3: a length, 802.2 and SNAP (RFC 1042)."""
    return packet.dst + packet.src + struct.pack('!H6sH', 8 + packet.full, b'\xaa\xaa\3\0\0\0',
                                                 packet.kind), b''


def _plain(packet, _number):
    return _ethernet(packet), b''


def _sll(packet, number):
    return struct.pack('!HHH8sH', 4 * (number & 1), 1, 6, packet.src + b'\0\0', packet.kind), b''


def _sll2(packet, number):
    return struct.pack('!HHIHBB8s', packet.kind, 0, 2, 1, 4 * (number & 1), 6,
                       packet.src + b'\0\0'), b''


def _raw(_packet, _number):
    return b'', b''


def _family(order, six):
    return lambda packet, _number: (struct.pack(order + 'I', six if packet.kind == IPV6 else 2), b'')


def _ppp(packet, _number):
    return struct.pack('!H', PPP_TYPE[packet.kind]), b''


def _ppp_hdlc(packet, _number):
    return struct.pack('!HH', 0xFF03, PPP_TYPE[packet.kind]), b''


def _chdlc(packet, _number):
    return struct.pack('!HH', 0x0F00, packet.kind), b''


def _pppoe(packet, _number):
    """RFC 2516 4."""
    return _ethernet(packet, kind=0x8864) \
        + struct.pack('!BBHHH', 0x11, 0, 7, 2 + packet.full, PPP_TYPE[packet.kind]), b''


def _mpls(packet, _number):
    """Two labels (RFC 3032 2.1), between routers."""
    return FAR_MAC + NEAR_MAC + b'\x88\x47' + struct.pack('!II', 0x000630FF, 0x000641FE), b''


def _wlan_data(packet, number):
    """IEEE 802.11 data, every other with QoS: towards the access point, from it, or over a WDS."""
    way = number % 3
    qos = number % 2
    if way == 0:
        flags, addresses = 0x01, BSSID + packet.src + packet.dst
    elif way == 1:
        flags, addresses = 0x02, packet.dst + BSSID + packet.src
    else:
        flags, addresses = 0x03, BSSID + NEAR_MAC + packet.dst
    out = struct.pack('<BBH', 0x88 if qos else 0x08, flags, 44) + addresses \
        + struct.pack('<H', (number & 0xFFF) << 4)
    if way == 2:
        out += packet.src
    if qos:
        out += b'\0\0'
    return out + b'\xaa\xaa\3\0\0\0' + struct.pack('!H', packet.kind)


def _wlan(packet, number):
    return _wlan_data(packet, number), b''


def _radiotap(packet, number):
    """Flags, rate and channel; every other frame with its check sequence (radiotap.org)."""
    data = _wlan_data(packet, number)
    sequence = number // 2 % 2 and not packet.cut
    head = struct.pack('<BBHIBBHH', 0, 0, 14, 0x0E, 0x10 if sequence else 0, 0x0C, 2412, 0x00A0)
    tail = struct.pack('<I', zlib.crc32(data + packet.payload)) if sequence else b''
    return head + data, tail


def _nflog(packet, _number):
    """Family, version, resource; packet header and payload as attributes (LINKTYPE_NFLOG)."""
    out = struct.pack('!BBH', 10 if packet.kind == IPV6 else 2, 0, 1)
    out += struct.pack('<HHHBB', 8, 1, struct.unpack('<H', struct.pack('!H', packet.kind))[0], 0, 0)
    out += struct.pack('<HH', 6, 10) + b'x\0\0\0'                         # prefix
    return out + struct.pack('<HH', 4 + packet.full, 9), b'\0' * (-packet.full % 4)


def _gre(packet, number):
    return _outer(packet, number, 47, struct.pack('!HH', 0, packet.kind)), b''


def _gre_key(packet, number):
    """Key and sequence number (RFC 2890)."""
    return _outer(packet, number, 47,
                  struct.pack('!HHII', 0x3000, packet.kind, 7, number)), b''


def _pptp(packet, number):
    """Enhanced GRE with PPP (RFC 2637 4.1)."""
    return _outer(packet, number, 47, struct.pack(
        '!HHHHI4s', 0x3001, 0x880B, 4 + packet.full, 7, number,
        struct.pack('!HH', 0xFF03, PPP_TYPE[packet.kind]))), b''


def _carried(wrapper):
    """A tunnel that carries the Ethernet frame: the wrapper sees it as its packet."""
    def wrap(packet, number):
        inner = _ethernet(packet)
        outer = packet.like(packet.payload, packet.full + len(inner))
        return wrapper(outer, number) + inner, b''
    return wrap


@_carried
def _gre_ethernet(packet, number):
    return _outer(packet, number, 47, struct.pack('!HH', 0, 0x6558))


@_carried
def _vxlan(packet, number):
    return _outer_udp(packet, number, 4789, struct.pack('!II', 0x08000000, 5000 << 8))


@_carried
def _geneve(packet, number):
    """Every other with an option (RFC 8926 3.4)."""
    option = struct.pack('!HBBI', 0x0102, 3, 1, number) if number % 2 else b''
    return _outer_udp(packet, number, 6081, struct.pack(
        '!BBHI', len(option) // 4, 0, 0x6558, 5000 << 8) + option)


def _geneve_ip(packet, number):
    return _outer_udp(packet, number, 6081, struct.pack('!BBHI', 0, 0, packet.kind, 5000 << 8)), b''


@_carried
def _erspan1(packet, number):
    return _outer(packet, number, 47, struct.pack('!HH', 0, 0x88BE))


@_carried
def _erspan2(packet, number):
    return _outer(packet, number, 47, struct.pack('!HHIHHI', 0x1000, 0x88BE, number, 0x100A, 0x0007,
                                                  3))


@_carried
def _erspan3(packet, number):
    """Every other with the platform-specific subheader (the O bit)."""
    sub = number % 2
    return _outer(packet, number, 47, struct.pack(
        '!HHIHHIHH', 0x1000, 0x22EB, number, 0x200A, 0x0007, number, 0, sub)
        + (struct.pack('!II', 0x04000000, 0) if sub else b''))


@_carried
def _tzsp(packet, number):
    """A signal strength, then the end of the tags."""
    return _outer_udp(packet, number, 37008, struct.pack('!BBH', 1, 0, 1) + b'\x0a\x01\xc0\x01')


@_carried
def _nested(packet, number):
    """VXLAN, in GRE, in a VLAN."""
    inner = _outer_udp(packet, number, 4789, struct.pack('!II', 0x08000000, 5000 << 8))
    middle = packet.like(packet.payload, packet.full + len(inner) - 14)
    outer = _outer(middle, number, 47, struct.pack('!HH', 0, IPV4))
    return outer[:12] + struct.pack('!HH', 0x8100, 30) + outer[12:] + inner[14:]


def _gtpu(packet, number):
    """Every other with a sequence number (3GPP TS 29.281 5.1)."""
    extra = struct.pack('!HBB', number & 0xFFFF, 0, 0) if number % 2 else b''
    return _outer_udp(packet, number, 2152, struct.pack(
        '!BBHI', 0x32 if extra else 0x30, 0xFF, len(extra) + packet.full, 77) + extra), b''


def _ip_in_4(packet, number):
    return _outer(packet, number, 41 if packet.kind == IPV6 else 4, b''), b''


def _ip_in_6(packet, number):
    """With a tunnel encapsulation limit (RFC 2473 4.1.1)."""
    inside = 41 if packet.kind == IPV6 else 4
    return _outer(packet, number, 60, bytes([inside, 0, 4, 1, 4, 1, 0, 0]), six=True), b''


def _l2tp(packet, number):
    """Data message with length, every other with sequence numbers (RFC 2661 3.1)."""
    ppp = struct.pack('!HH', 0xFF03, PPP_TYPE[packet.kind])
    sequence = struct.pack('!HH', number & 0xFFFF, 0) if number % 2 else b''
    length = 8 + len(sequence) + len(ppp) + packet.full
    return _outer_udp(packet, number, 1701, struct.pack(
        '!HHHH', 0x4802 if sequence else 0x4002, length, 7, 8) + sequence + ppp), b''


# name: (LINKTYPE number, what it needs of a packet, wrapper). 'mac': it has link addresses to carry;
# 'ip': only IP can be carried, and no link addresses; 'ip+mac': only IP, with them.
LINKS = {
    'ethernet': (1, 'mac', _plain), 'vlan': (1, 'mac', _vlan), 'qinq': (1, 'mac', _qinq),
    'qinq-9100': (1, 'mac', _qinq_old), 'padded': (1, 'mac', _padded),
    'fcs': (1, 'mac', _with_fcs), 'snap': (1, 'mac', _snap),
    'sll': (113, 'mac', _sll), 'sll2': (276, 'mac', _sll2),
    'raw': (101, 'ip', _raw), 'null': (0, 'ip', _family('<', 30)),
    'null-be': (0, 'ip', _family('>', 28)), 'loop': (108, 'ip', _family('>', 24)),
    'ppp': (9, 'ip', _ppp), 'ppp-hdlc': (50, 'ip', _ppp_hdlc), 'chdlc': (104, 'ip', _chdlc),
    'pppoe': (1, 'ip+mac', _pppoe), 'mpls': (1, 'ip', _mpls),
    'wlan': (105, 'mac', _wlan), 'radiotap': (127, 'mac', _radiotap), 'nflog': (239, 'ip', _nflog),
    'gre': (1, 'ip', _gre), 'gre-key': (1, 'ip', _gre_key), 'pptp': (1, 'ip', _pptp),
    'gre-ethernet': (1, 'mac', _gre_ethernet), 'vxlan': (1, 'mac', _vxlan),
    'geneve': (1, 'mac', _geneve), 'geneve-ip': (1, 'ip', _geneve_ip),
    'erspan-1': (1, 'mac', _erspan1), 'erspan-2': (1, 'mac', _erspan2),
    'erspan-3': (1, 'mac', _erspan3), 'tzsp': (1, 'mac', _tzsp), 'nested': (1, 'mac', _nested),
    'gtpu': (1, 'ip', _gtpu), 'ip-in-ipv4': (1, 'ip', _ip_in_4), 'ip-in-ipv6': (1, 'ip', _ip_in_6),
    'l2tp': (1, 'ip', _l2tp),
}


def carries(name, packet):
    """Whether this link layer can carry the packet."""
    return packet is not None and (packet.kind != ARP or LINKS[name][1] == 'mac')


def wrap(name, packet, number):
    """(bytes, length on the wire) of a packet in this link layer."""
    head, tail = LINKS[name][2](packet, number)
    data = head + packet.payload
    return (data if packet.cut else data + tail), len(head) + packet.full + len(tail)
