"""What a mirror port or two capture points make of a frame: one more, changed as on its way.

A mirror is set for the frames that follow (`mirror: KIND …`). Its copies are of the far side: a
packet from the phone passes there later, with a hop less, one to the phone earlier, with a hop more.
"""

import ipaddress
import struct

import scenario_wire as wire
from scenario_stage import Frame
from scenario_text import NS, Options, ScenarioError

MS = NS // 1000
KINDS = ('plain', 'router', 'nat', 'gre', 'fragments')
ROUTER_MACS = (wire.mac_bytes('02:00:5e:00:01:01'), wire.mac_bytes('02:00:5e:00:01:02'))


def with_checksum(head, at, total):
    return head[:at] + struct.pack('!H', total) + head[at + 2:]


class Packet:
    """An IPv4 packet taken apart."""

    def __init__(self, data):
        self.size = (data[0] & 15) * 4
        self.head = data[:self.size]
        self.body = data[self.size:]
        self.ident, self.bits = struct.unpack('!HH', data[4:8])
        self.ttl, self.protocol = data[8], data[9]
        self.src = ipaddress.ip_address(data[12:16])
        self.dst = ipaddress.ip_address(data[16:20])

    def whole(self):
        """Not a fragment."""
        return not self.bits & 0x3FFF

    def ports(self):
        if self.protocol in (6, 17) and self.whole():
            return list(struct.unpack('!HH', self.body[:4]))
        return None

    def set_ports(self, ports):
        self.body = struct.pack('!HH', *ports) + self.body[4:]

    def sum_body(self):
        """Checksum anew, as a NAT does it; what had a wrong one or none is left so."""
        at = {6: 16, 17: 6}.get(self.protocol)
        if at is None or not self.whole():
            return
        body = with_checksum(self.body, at, 0)
        total = wire.checksum(wire.pseudo_header(self.src, self.dst, self.protocol, len(body)) + body)
        self.body = with_checksum(body, at, total or 0xFFFF)

    def data(self):
        head = struct.pack('!BBHHHBBH4s4s', self.head[0], self.head[1], self.size + len(self.body),
                           self.ident, self.bits, self.ttl, self.protocol, 0, self.src.packed,
                           self.dst.packed) + self.head[20:]
        return with_checksum(head, 10, wire.checksum(head)) + self.body


class Mirror:
    """mirror: KIND [delay=S] [times=N] [id=new] and, of a NAT, [inside=A outside=B port=N] [alg]."""

    def __init__(self, text, seed):
        options = Options(text.split())
        self.seed = seed
        self.kind = options.word('kind of mirror')
        if self.kind not in KINDS:
            raise ScenarioError(f'mirror: {self.kind}: one of {", ".join(KINDS)}')
        self.delay = options.time('delay', MS // 5)
        self.times = options.int('times', 1)
        self.new_id = options.get('id') == 'new'
        self.mtu = options.int('mtu', 576)
        inside, outside = options.get('inside'), options.get('outside')
        self.inside = ipaddress.ip_address(inside) if inside else None
        self.outside = ipaddress.ip_address(outside) if outside else None
        self.port = options.int('port', 40000)
        self.alg = options.flag('alg')
        self.ports = {}
        options.done()
        if self.kind == 'nat' and not (self.inside and self.outside):
            raise ScenarioError('mirror: nat needs inside=ADDRESS outside=ADDRESS')

    def outside_port(self, port):
        if port not in self.ports:
            self.ports[port] = self.port + len(self.ports)
        return self.ports[port]

    def rewrite(self, body, back):
        """What an application layer gateway makes of a SIP message: the addresses in it."""
        inner, outer = str(self.inside).encode(), str(self.outside).encode()
        for port, mapped in self.ports.items():
            ends = inner + b':%d' % port, outer + b':%d' % mapped
            body = body.replace(*(reversed(ends) if back else ends))
        return body.replace(*((outer, inner) if back else (inner, outer)))

    def translate(self, packet, outgoing):
        ports = packet.ports()
        if ports is None:
            return
        end = 0 if outgoing else 1
        if (packet.src if outgoing else packet.dst) != self.inside:
            return
        ports[end] = self.outside_port(ports[end])
        packet.set_ports(ports)
        if outgoing:
            packet.src = self.outside
        else:
            packet.dst = self.outside
        if self.alg and packet.protocol == 17 and b'SIP/2.0' in packet.body:
            text = self.rewrite(packet.body[8:], False)
            packet.body = packet.body[:4] + struct.pack('!HH', 8 + len(text), 0) + text
        packet.sum_body()

    def far(self, payload, outgoing):
        """The IP packet on the far side of a router."""
        packet = Packet(payload)
        packet.ttl += -1 if outgoing else 1
        if self.new_id:
            packet.ident = int(wire.token(self.seed, 'nat', packet.ident), 16) & 0xFFFF
        if self.kind == 'nat':
            self.translate(packet, outgoing)
        return packet.data()

    def pieces(self, payload):
        """A packet that a router had to split."""
        packet = Packet(payload)
        if not packet.whole() or len(payload) <= self.mtu:
            return [payload]
        return [wire.ipv4(packet.src, packet.dst, packet.protocol, packet.body[at:at + step],
                          packet.ident, packet.ttl, 0x2000 if at + step < len(packet.body) else 0, at)
                for step in [(self.mtu - 20) // 8 * 8]
                for at in range(0, len(packet.body), step)]

    def tunnelled(self, payload, number):
        """GRE (RFC 2784) to whom the mirror port sends."""
        ends = [ipaddress.ip_address('198.51.100.251'), ipaddress.ip_address('198.51.100.252')]
        return wire.ipv4(*ends, 47, struct.pack('!HH', 0, 0x0800) + payload, number)

    def twins(self, frame, number):
        """The copies of an IPv4 frame."""
        if frame.ethertype != 0x0800:
            return []
        macs, t = (frame.src_mac, frame.dst_mac), frame.t + self.delay
        payloads = [frame.payload]
        if self.kind in ('router', 'nat'):
            macs = ROUTER_MACS if frame.outgoing else ROUTER_MACS[::-1]
            payloads = [self.far(frame.payload, frame.outgoing)]
            if not frame.outgoing:
                t = frame.t - self.delay
        elif self.kind == 'gre':
            macs = ROUTER_MACS
            payloads = [self.tunnelled(frame.payload, number)]
        elif self.kind == 'fragments':
            payloads = self.pieces(frame.payload)
        out = []
        for time in range(self.times):
            for index, payload in enumerate(payloads):
                twin = Frame(max(t + time * MS // 10 + index * 2000, 0), payload, 0x0800, *macs,
                             frame.outgoing)
                twin.line, twin.interface, twin.snap = frame.line, frame.interface, frame.snap
                out.append(twin)
        return out
