"""What stands on the stage: hosts, endpoints, interfaces, frames, and how a line delivers them."""

import scenario_wire as wire
from scenario_text import NS, ScenarioError

MS = NS // 1000


class Host:
    def __init__(self, name, addresses, mac, port, agent):
        self.name = name
        self.addresses = addresses
        self.mac = mac
        self.port = port
        self.agent = agent

    def address(self, version=None):
        for address in self.addresses:
            if version is None or address.version == version:
                return address
        return None


class Endpoint:
    """A host's address and port."""

    def __init__(self, host, address, port):
        self.host = host
        self.address = address
        self.port = port

    def bare(self):
        return str(self.address) if self.address.version == 4 else f'[{self.address}]'

    def sip_name(self):
        return f'{self.bare()}:{self.port}'

    def with_port(self, port):
        return Endpoint(self.host, self.address, port)


class Frame:
    """One frame of the capture, or a place where filling frames go."""

    def __init__(self, t, payload, ethertype, src_mac, dst_mac, outgoing):
        self.t = t
        self.payload = payload
        self.ethertype = ethertype
        self.src_mac = src_mac
        self.dst_mac = dst_mac
        self.outgoing = outgoing
        self.vlans = ()
        self.interface = 0
        self.snap = None
        self.comment = None
        self.number = None          # the frame number that the scenario claims
        self.raw = None             # link-layer bytes given literally
        self.fill = None
        self.line = 0
        self.data = b''
        self.length = 0


class Interface:
    def __init__(self, name, link, snaplen, resolution):
        if link not in wire.LINKS:
            raise ScenarioError(f'link type {link}: one of {", ".join(wire.LINKS)}')
        self.name = name
        self.link = link
        self.link_number = wire.LINKS[link][0]
        self.snaplen = snaplen
        self.resolution = resolution
        self.dropped = None


class Delivery:
    """How the frames of a line reach the capture."""

    def __init__(self, play, options):
        lost = options.numbers('lost')
        self.all_lost = options.flag('lost')
        self.lost = set(lost or ())
        self.copies = options.int('copies', play.copies)
        vlan = options.get('copies-vlan')
        self.copy_vlans = play.copy_vlans if vlan is None else play.vlan_tags(vlan)
        self.mtu = options.int('fragment')
        self.fragment_order = options.numbers('fragment-order')
        self.lost_fragments = set(options.numbers('lost-fragments') or ())
        self.snap = options.int('snap')
        self.comment = options.get('comment')
        vlan = options.get('vlan')
        self.vlans = play.vlans if vlan is None else play.vlan_tags(vlan)
        self.interface = play.interface_named(options.get('on'))
        self.number = options.int('frame')
        self.all_bad = options.flag('bad-checksum')
        self.bad = set(options.numbers('bad-checksum') or ())
        self.sends = 0


class Shape:
    """How a message is cut into TCP segments."""

    def __init__(self, play, options):
        self.split = options.numbers('split') or []
        self.order = options.numbers('order')
        self.gap = options.time('gap', MS // 2)
        self.overlap = options.int('overlap', 0)
        self.lost = set(options.numbers('lost-segments') or ())
        self.join = options.flag('join')
        self.ack = play.acks and not options.flag('noack')
        self.repeats = []
