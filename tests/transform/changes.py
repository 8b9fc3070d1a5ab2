"""Changes of what was captured, frame by frame: copies, fragments, TCP segments, offloaded sums,
HEP, other traffic, several interfaces. Each takes a Subject and returns its frames anew."""

import random
import re
import struct

import scenario_wire as wire
from capture_file import Capture, Face, Frame
from packets import ICMP, TCP, UDP, ip_of, open_frame, pseudo, retouched, summed
import links

MICRO = 1000
SIP = re.compile(rb'[A-Z]+ \S+ SIP/2\.0\r?\n|SIP/2\.0 \d\d\d')
ROUTER, BEYOND = bytes.fromhex('02aa00000001'), bytes.fromhex('02aa00000002')
PUBLIC = bytes([100, 64, 77, 7])     # RFC 6598: no golden case uses it


class Subject:
    """A capture opened: packets[i] is what frames[i] carries. inside: the phones' addresses; twins:
    some of them are of one account."""

    def __init__(self, name, capture, inside=(), twins=False):
        self.name, self.capture, self.inside, self.twins = name, capture, set(inside), twins
        self.frames, self.faces = capture.frames, capture.faces
        self.packets = [open_frame(self.faces[frame.interface].link_number, frame)
                        for frame in self.frames]
        self.ips = [ip_of(packet) for packet in self.packets]

    def random(self):
        return random.Random(self.name)

    def then(self, faces, frames):
        """The subject of the next change, opened again."""
        return Subject(self.name, Capture(faces, frames, self.capture.secrets), self.inside)


def _with(frame, packet):
    """The frame with another packet behind the same link header."""
    return Frame(frame.t, frame.interface, packet.head + packet.payload,
                 len(packet.head) + packet.full, frame.comment)


def _merged(frames, copies):
    """Copies put where their time comes; the order of the frames stays, and so does the end of the
    capture."""
    out, at, end = [], 0, max((frame.t for frame in frames), default=0)
    for copy in copies:
        copy.t = min(copy.t, end)
    copies = sorted(copies, key=lambda frame: frame.t)
    for frame in frames:
        while at < len(copies) and copies[at].t < frame.t:
            out.append(copies[at])
            at += 1
        out.append(frame)
    return out + copies[at:]


def _later(frame, delay, data=None, length=None):
    data = frame.data if data is None else data
    return Frame(frame.t + delay, frame.interface, data,
                 frame.length if length is None else length)


def copied(subject, delays=(100 * MICRO,)):
    """A mirror port that shows each frame again."""
    return subject.faces, _merged(subject.frames, [_later(frame, delay) for frame in subject.frames
                                                   for delay in delays])


def copied_tagged(subject):
    """The copy comes from a trunk."""
    return subject.faces, _merged(subject.frames, [
        _later(f, 100 * MICRO, f.data[:12] + b'\x81\0\0\x0a' + f.data[12:], f.length + 4)
        for f in subject.frames])


def _routed(frame, packet, hops=1, **changes):
    """The packet behind a router; hops -1: as it was before the router passed it on."""
    packet = retouched(packet, ttl_less=hops, **changes)
    packet.head = BEYOND + ROUTER + packet.head[12:]
    return _with(frame, packet)


def _is_routed(ip):
    """Whether a router would pass it on: no multicast, no broadcast, no neighbour discovery."""
    if ip is None or ip.ttl in (1, 255) or ip.dst == b'\xff' * 4:
        return False
    return not (ip.dst[0] >> 4 == 14 if ip.version == 4 else ip.dst[0] == 255)


def copied_routed(subject):
    """Both sides of a router: other link addresses, a TTL less."""
    copies = []
    for frame, packet, ip in zip(subject.frames, subject.packets, subject.ips):
        if _is_routed(ip):
            copies.append(_later(_routed(frame, packet), 100 * MICRO))
    return subject.faces, _merged(subject.frames, copies)


class _Nat:
    """Address and port translation of the phones' flows, outwards and back (RFC 3022)."""

    def __init__(self, inside):
        self.inside, self.ports = inside, {}

    def port(self, address, port):
        return self.ports.setdefault((address, port), 30000 + len(self.ports))

    def translated(self, ip):
        """(outwards?, changes of Ip) of the packet as seen outside, or None: it stays inside."""
        out, back = ip.src in self.inside, ip.dst in self.inside
        if ip.version != 4 or out == back or not _is_routed(ip):
            return None
        body = ip.body
        if ip.protocol in (UDP, TCP):
            at, owner = (0, ip.src) if out else (2, ip.dst)
            port = self.port(owner, struct.unpack_from('!H', body, at)[0])
            body = body[:at] + struct.pack('!H', port) + body[at + 2:]
        elif ip.protocol == ICMP and len(body) >= 36 and body[0] in (3, 11):
            body = body[:8] + self.quoted(body[8:])
        return out, {'src': PUBLIC, 'body': body} if out else {'dst': PUBLIC, 'body': body}

    def quoted(self, data):
        """The packet quoted in an error: its inner end translated, its IP header summed anew."""
        data = bytearray(data)
        at = 20
        for address, port in ((12, at), (16, at + 2)):
            owner = bytes(data[address:address + 4])
            if owner in self.inside:
                data[address:address + 4] = PUBLIC
                if data[9] in (UDP, TCP):
                    number = struct.unpack_from('!H', data, port)[0]
                    struct.pack_into('!H', data, port, self.port(owner, number))
        data[10:12] = b'\0\0'
        struct.pack_into('!H', data, 10, wire.checksum(bytes(data[:20])))
        return bytes(data)


def copied_nat(subject):
    """Both sides of a NAT: what leaves shows first inside, what comes first outside."""
    nat, first, then = _Nat(subject.inside), [], []
    for frame, packet, ip in zip(subject.frames, subject.packets, subject.ips):
        found = nat.translated(ip) if ip is not None else None
        if found is None:
            first.append(frame)
            continue
        outwards, changes = found
        if outwards:
            first.append(frame)
            then.append(_later(_routed(frame, packet, **changes), 100 * MICRO))
        else:
            outside = retouched(packet, **changes)
            outside.head = ROUTER + BEYOND + packet.head[12:]
            first.append(_with(frame, outside))
            then.append(_later(_with(frame, retouched(packet, ttl_less=1)), 100 * MICRO))
    return subject.faces, _merged(first, then)


def on_two_interfaces(subject):
    """A capture on 'any' of a host with a bridge: each packet on the port and on the bridge."""
    copies = []
    for number, frame in enumerate(subject.frames):
        packet = subject.packets[number]
        for delay, index in ((0, 2), (20 * MICRO, 3)):
            head = links.wrap('sll2', packet, 0)[0][:20]
            head = head[:4] + struct.pack('!I', index) + head[8:]
            copies.append(Frame(frame.t + delay, 0, head + packet.payload, 20 + packet.full))
    return [Face(276, dropped=subject.faces[0].dropped)], _merged(copies[::2], copies[1::2])


def fragmented(subject, mtu=576, backwards=False):
    """Every IP packet larger than the MTU in fragments, at the same time."""
    out = []
    for number, (frame, packet, ip) in enumerate(zip(subject.frames, subject.packets, subject.ips)):
        if ip is None or ip.fragment or len(packet.payload) <= mtu or ip.head not in (20, 40):
            out.append(frame)
            continue
        parts = wire.ip_packets(ip.address(ip.src), ip.address(ip.dst), ip.protocol, ip.body,
                                ip.ident or number, mtu)
        parts = [_with(frame, packet.like(part)) for part in parts]
        out += reversed(parts) if backwards else parts
    return subject.faces, out


class _Idents:
    """IP identifications where a host sends more packets than it did: it counts on."""

    def __init__(self):
        self.more, self.known = {}, {}

    def first(self, ip):
        """The new identification of the first packet that takes this one's place."""
        key = ip.src, ip.ident
        if key not in self.known:
            self.known[key] = (ip.ident + self.more.get(ip.src, 0)) & 0xFFFF
        return self.known[key]

    def add(self, ip, count):
        self.more[ip.src] = self.more.get(ip.src, 0) + count

    def quote(self, ip):
        """The body of an ICMP error, its quotation renumbered."""
        body = bytearray(ip.body)
        key = bytes(body[20:24]), struct.unpack_from('!H', body, 12)[0]
        struct.pack_into('!H', body, 12, self.known.get(key, key[1]))
        body[18:20] = b'\0\0'
        struct.pack_into('!H', body, 18, wire.checksum(bytes(body[8:28])))
        return summed(ip, bytes(body))


def _pieces(rng, size):
    """Cuts of so many bytes: 2 to 5 pieces of any length."""
    cuts = sorted(rng.sample(range(1, size), min(rng.randint(1, 4), size - 1)))
    return list(zip([0] + cuts, cuts + [size]))


def _segment(ip, head, begin, end, last, ident):
    body = ip.body[head + begin:head + end]
    tcp = bytearray(ip.body[:head])
    struct.pack_into('!I', tcp, 4, (struct.unpack_from('!I', tcp, 4)[0] + begin) & 0xFFFFFFFF)
    if not last:
        tcp[13] &= ~0x09                 # FIN and PSH are the last one's
    return ip.carry(summed(ip, bytes(tcp) + body), ident)


def resegmented(subject, way='in-order'):
    """TCP data in other segments: 'in-order', 'reordered', 'overlapping', 'repeated'. The first data
    of a direction whose SYN is not in the capture stay in order: nothing tells where they begin."""
    rng, idents, done, out, begun = subject.random(), _Idents(), {}, [], set()
    for frame, packet, ip in zip(subject.frames, subject.packets, subject.ips):
        if ip is None:
            out.append(frame)
            continue
        head = (ip.body[12] >> 4) * 4 if ip.protocol == TCP and len(ip.body) >= 20 else 0
        size = len(ip.body) - head
        if packet.payload in done:           # a mirrored copy is cut alike
            out += [_with(frame, packet.like(part)) for part in done[packet.payload]]
            continue
        first = idents.first(ip)
        if head and ip.body[13] & 2:
            begun.add((ip.src, ip.dst, ip.body[:4]))
        if not head or size < 2 or ip.fragment or ip.head not in (20, 40):
            body = idents.quote(ip) if ip.protocol == ICMP and len(ip.body) >= 36 \
                and ip.body[0] in (3, 11) else ip.body
            part = packet.payload if ip.version == 6 or ip.fragment else ip.carry(body, first)
            done[packet.payload] = [part]
            out.append(_with(frame, packet.like(part)))
            continue
        pieces = _pieces(rng, size)
        if way == 'overlapping':
            pieces = [(max(0, begin - rng.randint(0, 20)), end) for begin, end in pieces]
        flow = ip.src, ip.dst, ip.body[:4]
        if way == 'reordered' and flow in begun:
            rng.shuffle(pieces)
        begun.add(flow)
        if way == 'repeated':
            pieces.append(rng.choice(pieces))
        idents.add(ip, len(pieces) - 1)
        parts = [_segment(ip, head, begin, end, end == size, first + n)
                 for n, (begin, end) in enumerate(pieces)]
        done[packet.payload] = parts
        out += [_with(frame, packet.like(part)) for part in parts]
    return subject.faces, out


def offloaded(subject, of_phone=True):
    """Captured on a host that leaves its sums to the network card: its packets carry that of the
    pseudo header alone. The host is the phone, or whom the phones talk to most."""
    hosts = subject.inside
    if not of_phone:
        peers = [ip.dst for ip in subject.ips if ip is not None and ip.src in hosts]
        hosts = {max(sorted(set(peers)), key=peers.count)} if peers else set()
    out = []
    for frame, packet, ip in zip(subject.frames, subject.packets, subject.ips):
        if ip is not None and ip.src in hosts and ip.protocol in (UDP, TCP) and not ip.fragment:
            at = 6 if ip.protocol == UDP else 16
            partial = ~wire.checksum(pseudo(ip, len(ip.body))) & 0xFFFF
            body = ip.body[:at] + struct.pack('!H', partial) + ip.body[at + 2:]
            frame = _with(frame, packet.like(packet.payload[:ip.head] + body))
        out.append(frame)
    return subject.faces, out


def _chunk(kind, value):
    return struct.pack('!HHH', 0, kind, 6 + len(value)) + value


def is_sip(ip):
    """Whether an IP packet is a SIP message over UDP."""
    return ip is not None and ip.protocol == UDP and not ip.fragment and SIP.match(ip.body[8:])


def hep(subject):
    """SIP over UDP as a HOMER agent sends it (HEP3), everything else as it was: but a host's IP
    identifications, those of its SIP missing, count on without holes."""
    out, idents = [], _Idents()
    for number, (frame, packet, ip) in enumerate(zip(subject.frames, subject.packets,
                                                     subject.ips)):
        if not is_sip(ip):
            if ip is not None and ip.version == 4 and ip.head == 20:
                part = ip.carry(ip.body, idents.first(ip))
                frame = _with(frame, packet.like(part))
            out.append(frame)
            continue
        idents.add(ip, -1)
        sport, dport = struct.unpack_from('!HH', ip.body)
        six = ip.version == 6
        chunks = b''.join([
            _chunk(1, b'\x0a' if six else b'\x02'), _chunk(2, b'\x11'),
            _chunk(5 if six else 3, ip.src), _chunk(6 if six else 4, ip.dst),
            _chunk(7, struct.pack('!H', sport)), _chunk(8, struct.pack('!H', dport)),
            _chunk(9, struct.pack('!I', frame.t // 10 ** 9)),
            _chunk(10, struct.pack('!I', frame.t % 10 ** 9 // 1000)), _chunk(11, b'\x01'),
            _chunk(12, struct.pack('!I', 2001)), _chunk(15, ip.body[8:])])
        data = b'HEP3' + struct.pack('!H', 6 + len(chunks)) + chunks
        body = wire.udp(links.NEAR, 40001, links.FAR, 9060, data)
        data = links.FAR_MAC + links.NEAR_MAC + b'\x08\0' \
            + wire.ipv4(links.NEAR, links.FAR, 17, body, number)
        out.append(Frame(frame.t, frame.interface, data))
    return subject.faces, out


def _noise():
    """Frames of hosts that have nothing to do with any phone."""
    a, b = (wire.ipaddress.ip_address(text) for text in ('198.18.5.1', '198.18.5.2'))
    macs = bytes.fromhex('02bb0000000202bb00000001')
    name = b'\x03www\x05noise\x04test\0\0\x01\0\x01'
    ask = b'\x12\x34\x01\0\0\x01\0\0\0\0\0\0' + name
    answer = b'\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0' + name \
        + b'\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04' + bytes([198, 18, 5, 9])
    udp = [(a, b, 16384, 16386, b'\x80\0' + b'\0' * 170), (a, b, 40000, 53, ask),
           (b, a, 53, 40000, answer), (a, b, 123, 123, b'\x23' + b'\0' * 47),
           (b, a, 16386, 16384, b'\x80\x08' + b'\0' * 170), (a, b, 514, 514, b'<14>noise')]
    number = 0
    while True:
        for src, dst, sport, dport, data in udp:
            number += 1
            ends = macs if src == a else macs[6:] + macs[:6]
            yield ends + b'\x08\0' + wire.ipv4(src, dst, 17, wire.udp(src, sport, dst, dport, data),
                                               number)
        # No two of them alike: the same twice at one time would be a copy.
        yield b'\xff' * 6 + macs[6:] + b'\x08\x06' \
            + wire.arp(1, macs[6:], a, b'\0' * 6, b + number % 100)
        yield macs + b'\x86\xdd' + wire.ipv6(links.NEAR6, links.FAR6, 59, struct.pack('!I', number))


def among_others(subject):
    """Another interface, full of other traffic, between any two frames."""
    noise, faces = _noise(), subject.faces + [Face(1, resolution=9, name='other')]
    out = []
    for number, frame in enumerate(subject.frames):
        out.append(frame)
        for _ in range(number % 3 if number + 1 < len(subject.frames) else 0):
            out.append(Frame(frame.t, len(faces) - 1, next(noise)))
    return faces, out


def relinked(subject, *names):
    """Each packet in another link layer; of several, in turn, each an interface. What a link layer
    cannot carry (ARP in a tunnel of IP) comes on an interface of its own, as it was."""
    fine = any(face.resolution > 6 for face in subject.faces)
    faces = [Face(links.LINKS[name][0], name=name, resolution=9 if number or fine else 6,
                  dropped=None if number else subject.faces[0].dropped)
             for number, name in enumerate(names)]
    out, left = [], {}
    for number, (frame, packet) in enumerate(zip(subject.frames, subject.packets)):
        index = number % len(names)
        if not links.carries(names[index], packet):
            if frame.interface not in left:
                left[frame.interface] = len(faces)
                faces.append(subject.faces[frame.interface].like(dropped=None))
            out.append(Frame(frame.t, left[frame.interface], frame.data, frame.length,
                             frame.comment))
            continue
        data, length = links.wrap(names[index], packet, number)
        out.append(Frame(frame.t, index, data, length, frame.comment))
    return faces, out


def _way(subject):
    """How far behind the phones a second point can be, at most 0.2 ms: a quarter of the shortest
    time in which anything answers them, over UDP or TCP, so that it is still farther away."""
    sent, least = {}, 4 * 200 * MICRO
    for frame, ip in zip(subject.frames, subject.ips):
        if ip is None or ip.protocol not in (UDP, TCP) or ip.fragment or len(ip.body) < 8:
            continue
        source, target = struct.unpack_from('!HH', ip.body)
        if ip.src in subject.inside:
            sent[ip.protocol, ip.src, source, ip.dst, target] = frame.t
        elif (ip.protocol, ip.dst, target, ip.src, source) in sent:
            asked = sent[ip.protocol, ip.dst, target, ip.src, source]
            least = min(least, max(0, frame.t - asked))
    return least // 4000 * 1000         # whole microseconds


def two_points(subject, holes=False):
    """The same traffic captured at two places whose clocks differ by some seconds: near the phones,
    and behind a router at most 0.2 ms away. With holes each lacks a fifth, never the same frames."""
    near, far, path = [], [], _way(subject)
    for number, (frame, packet, ip) in enumerate(zip(subject.frames, subject.packets, subject.ips)):
        missing = number % 10 if holes else None
        if missing not in (2, 5):
            near.append(frame)
        if _is_routed(ip) and missing not in (3, 8):
            delay = path if ip.src in subject.inside else -path
            there = _routed(frame, packet, 1 if delay > 0 else -1)
            far.append(_later(there, delay + 3_217_005 * MICRO))
        elif missing in (2, 5):
            near.append(frame)
    far_faces = [face.like(dropped=None) for face in subject.faces]      # it lost nothing
    return [(subject.faces, near), (far_faces, sorted(far, key=lambda frame: frame.t))]
