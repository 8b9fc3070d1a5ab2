"""The director: walks the lines of a scenario and puts frames on the wire at their times."""

import datetime
import ipaddress

import scenario_dns as dns
import scenario_noise as noise
import scenario_wire as wire
from scenario_connections import Connections
from scenario_copies import Mirror
from scenario_messages import Messages
from scenario_network import Lookups, Network
from scenario_sip import Account, Sip
from scenario_stage import MS, Delivery, Endpoint, Frame, Host, Interface
from scenario_text import NS, Options, ScenarioError, is_time, number, read_lines, seconds


class Play(Messages, Connections, Lookups, Network):
    """The state of a scenario while its lines are played."""

    def __init__(self, name):
        self.name = name
        self.settings = {'domain': None, 'expires': '3600'}
        self.seed = '1'
        self.start = seconds('1767225600')          # 2026-01-01T00:00:00Z
        self.format = 'pcapng'
        self.transport = 'udp'
        self.rtt = 10 * MS
        self.agent = 'Example Phone 1.0'
        self.copies = 1
        self.mirror = None           # what makes copies of all frames, if any
        self.ident = None            # the IP identification of all packets, if not counted
        self.offload = set()         # hosts whose network card fills the checksums in
        self.only = None
        self.copy_vlans = None       # tags of the copies, if not those of the frame
        self.vlans = ()
        self.acks = True
        self.resolver = None
        self.authority = False
        self.pad = 0
        self.resolution = 6
        self.link = 'eth'
        self.snaplen = 262144
        self.interfaces = []
        self.hosts = {}
        self.zone = dns.Zone()
        self.frames = []
        self.overtakings = []
        self.last = 0                # when the last frame of the line before was sent
        self.base = 0
        self.sip = None
        self.connections = {}
        self.transactions = {}
        self.last_tx = None
        self.last_answered = None
        self.last_send = None        # (src, dst, IP packet): what `<- icmp` answers
        self.last_ip = b''           # the last IP packet, for ICMP errors to quote
        self.counters = {}
        self.macros = {}
        self.variables = {}
        self.line = 0

    # -- settings and hosts ---------------------------------------------------------------

    def setting(self, key, words):
        value = ' '.join(words)
        if key == 'start':
            self.start = start_of(value)
        elif key == 'seed':
            self.seed = value
        elif key in ('domain', 'expires'):
            self.settings[key] = value
        elif key in ('format', 'link', 'transport', 'resolver'):
            setattr(self, key, value)
        elif key == 'rtt':
            self.rtt = seconds(value)
        elif key == 'only':
            self.only = value
        elif key in ('snaplen', 'copies', 'pad', 'resolution'):
            setattr(self, key, number(value))
        elif key == 'mirror':
            self.mirror = None if value == 'off' else Mirror(value, self.seed)
        elif key == 'ip-id':
            self.ident = None if value == 'count' else number(value)
        elif key == 'offload':
            self.offload = set() if value == 'off' else set(words)
        elif key == 'copies-vlan':
            self.copy_vlans = self.vlan_tags(value)
        elif key == 'vlan':
            self.vlans = self.vlan_tags(value)
        elif key in ('acks', 'authority'):
            setattr(self, key, value == 'on')
        elif key == 'agent':
            self.agent = value
        elif key == 'dropped':
            self.ready()
            self.interfaces[0].dropped = number(value)
        elif key != 'title':
            raise ScenarioError(f'unknown setting "{key}:"')

    @staticmethod
    def vlan_tags(value):
        return () if value in ('', 'none') else tuple(number(part) for part in value.split('.'))

    def ready(self):
        """Settle what the header said, before the first frame."""
        if not self.interfaces:
            self.interfaces.append(Interface('eth0', self.link, self.snaplen, self.resolution))
        if self.sip is None:
            self.sip = Sip(self.seed, self.settings)

    def interface_named(self, name):
        if name is None:
            return 0
        for index, face in enumerate(self.interfaces):
            if face.name == name:
                return index
        raise ScenarioError(f'no interface {name}')

    def add_interface(self, words):
        self.ready()
        options = Options(words)
        name = options.word('interface name')
        face = Interface(name, options.get('link', self.link), options.int('snaplen', self.snaplen),
                         options.int('resolution', self.resolution))
        face.dropped = options.int('dropped')
        options.done()
        self.interfaces.append(face)

    def add_host(self, words):
        self.ready()
        options = Options(words)
        name = options.word('host name')
        addresses = [ipaddress.ip_address(flag) for flag in options.flags]
        options.flags.clear()
        mac = options.get('mac') or ':'.join(
            ('02' + wire.token(0, 'mac', name, length=10))[i:i + 2] for i in range(0, 12, 2))
        host = Host(name, addresses, wire.mac_bytes(mac), options.int('port', 5060),
                    options.get('agent'))
        options.done()
        if not addresses:
            raise ScenarioError(f'host {name} has no address')
        self.hosts[name] = host

    def add_account(self, words):
        self.ready()
        options = Options(words)
        user, _, domain = options.word('user@domain').partition('@')
        host = options.get('host') or ('phone' if 'phone' in self.hosts else next(iter(self.hosts)))
        if host not in self.hosts:
            raise ScenarioError(f'account {user}: no host {host}')
        self.sip.accounts.append(Account(user, domain, host, options.get('password', 'secret'),
                                         options.get('display'), options.get('contact')))
        options.done()
        if self.settings['domain'] is None:
            self.settings['domain'] = domain
        if self.hosts[host].agent is None:
            self.hosts[host].agent = self.agent

    # -- endpoints -------------------------------------------------------------------------

    def host_of(self, word):
        """(host, wanted address, port) of phone, phone:5062, phone/2, 192.0.2.1, [::1]:5060."""
        port = None
        if word.startswith('['):
            text, _, rest = word[1:].partition(']')
            port = number(rest[1:]) if rest else None
            return self._literal(ipaddress.ip_address(text)) + (port,)
        name, _, tail = word.partition(':')
        if tail:
            port = number(tail)
        name, _, which = name.partition('/')
        if name in self.hosts:
            host = self.hosts[name]
            address = None
            if which:
                if not which.isdigit() or not 1 <= int(which) <= len(host.addresses):
                    raise ScenarioError(f'{name} has no address number {which}')
                address = host.addresses[int(which) - 1]
            return host, address, port
        try:
            return self._literal(ipaddress.ip_address(name)) + (port,)
        except ValueError:
            raise ScenarioError(f'no host "{name}"') from None

    def _literal(self, address):
        for host in self.hosts.values():
            if address in host.addresses:
                return host, address
        text = str(address)
        mac = wire.multicast_mac(address) if address.is_multicast \
            else bytes.fromhex('02' + wire.token(0, 'mac', text, length=10))
        return Host(text, [address], mac, 5060, None), address

    def pair(self, left, right, v6=False):
        """Two endpoints of one address family, ports 5060 (or the hosts' own) unless given."""
        (a, a_address, a_port), (b, b_address, b_port) = self.host_of(left), self.host_of(right)
        version = 6 if v6 else None
        if a_address is not None:
            version = a_address.version
        elif b_address is not None:
            version = b_address.version
        if version is None:
            for candidate in (4, 6):
                if a.address(candidate) and b.address(candidate):
                    version = candidate
                    break
        a_address = a_address or a.address(version)
        b_address = b_address or b.address(version)
        if a_address is None or b_address is None or a_address.version != b_address.version:
            raise ScenarioError(f'{left} and {right} have no common address family')
        return Endpoint(a, a_address, a_port or a.port), Endpoint(b, b_address, b_port or b.port), \
            a_port, b_port

    def next(self, kind, first=1):
        self.counters[kind] = self.counters.get(kind, first - 1) + 1
        return self.counters[kind]

    # -- frames ----------------------------------------------------------------------------

    def emit(self, t, payload, ethertype, src_mac, dst_mac, outgoing, delivery=None):
        frame = Frame(t, payload, ethertype, src_mac, dst_mac, outgoing)
        frame.line = self.line
        frame.vlans = self.vlans
        if t < 0:
            raise ScenarioError('a frame falls before time 0')
        copies, copy_vlans = self.copies, self.copy_vlans
        if delivery is not None:
            frame.vlans = delivery.vlans
            frame.interface = delivery.interface
            frame.snap = delivery.snap
            frame.comment, delivery.comment = delivery.comment, None
            frame.number, delivery.number = delivery.number, None
            copies, copy_vlans = delivery.copies, delivery.copy_vlans
        if self.only and src_mac != self.hosts[self.only].mac:
            return frame
        self.frames.append(frame)
        for copy in range(1, copies):
            twin = Frame(t + copy * 5000, payload, ethertype, src_mac, dst_mac, outgoing)
            twin.line, twin.interface, twin.snap = frame.line, frame.interface, frame.snap
            twin.vlans = frame.vlans if copy_vlans is None else copy_vlans
            self.frames.append(twin)
        if self.mirror is not None:
            self.frames.extend(self.mirror.twins(frame, len(self.frames)))
        return frame

    def ip(self, t, src, dst, protocol, data, delivery=None):
        """Send one IP payload; returns its first frame, or a stand-in if the capture lost it."""
        # Identifications are IPv4's alone: what goes over IPv6 takes none.
        count = self.next(('ip', src.host.name, src.address.version))
        ident = int(wire.token(self.seed, 'ip', src.host.name), 16) + count
        if self.ident is not None:
            ident = self.ident
        mtu = delivery.mtu if delivery else None
        packets = wire.ip_packets(src.address, dst.address, protocol, data, ident, mtu)
        self.last_ip = packets[0]
        lost = False
        if delivery is not None:
            delivery.sends += 1
            lost = delivery.all_lost or delivery.sends in delivery.lost
        order = range(len(packets))
        if delivery is not None and delivery.fragment_order:
            order = [n - 1 for n in delivery.fragment_order]
        dst_mac = wire.multicast_mac(dst.address) if dst.address.is_multicast else dst.host.mac
        first = None
        for index, piece in enumerate(order):
            if lost or (delivery is not None and piece + 1 in delivery.lost_fragments):
                continue
            frame = self.emit(t + index * 2000, packets[piece],
                              wire.ETHERTYPE[src.address.version], src.host.mac, dst_mac,
                              self.is_phone(src.host), delivery)
            first = first or frame
        return first or Frame(t, b'', 0, b'', b'', False)

    def is_phone(self, host):
        return any(account.host == host.name for account in self.sip.accounts) \
            or host.name.startswith('phone')

    def checksum_fault(self, host, delivery):
        """What is wrong with the checksum of the next send: 'bad', 'offload' or nothing."""
        if delivery is not None and (delivery.all_bad or delivery.sends + 1 in delivery.bad):
            return 'bad'
        return 'offload' if host.name in self.offload else None

    def udp(self, t, src, dst, payload, delivery=None):
        data = wire.udp(src.address, src.port, dst.address, dst.port, payload,
                        self.checksum_fault(src.host, delivery))
        return self.ip(t, src, dst, 17, data, delivery)

    # -- walking the lines -----------------------------------------------------------------

    def run(self, lines):
        at = 0
        while at < len(lines):
            line = lines[at]
            self.line = line.number
            try:
                at = self.step(lines, at)
            except ScenarioError as error:
                text = str(error)
                if not text.startswith(self.name):
                    text = f'{self.name}:{line.number}: {text}'
                raise ScenarioError(text) from error
            except (ValueError, IndexError, KeyError, AttributeError) as error:
                raise ScenarioError(f'{self.name}:{line.number}: {error!r}') from error

    @staticmethod
    def block(lines, at):
        """The lines of a block up to its `end`, and the place after it."""
        depth = 1
        for end in range(at + 1, len(lines)):
            if lines[end].words[0] in ('zone', 'each', 'define'):
                depth += 1
            elif lines[end].words[0] == 'end':
                depth -= 1
                if depth == 0:
                    return lines[at + 1:end], end + 1
        raise ScenarioError('the block has no "end"')

    def substitute(self, line):
        """The line's words with $names filled in."""
        out = []
        for word in line.words:
            for name in sorted(self.variables, key=len, reverse=True):
                word = word.replace('${' + name + '}', self.variables[name])
                word = word.replace('$' + name, self.variables[name])
            out.append(word)
        return out

    def step(self, lines, at):
        line = lines[at]
        words = self.substitute(line)
        first = words[0]
        if first == 'zone':
            body, after = self.block(lines, at)
            options = Options(words[1:])
            ttl = options.int('ttl', 3600)
            origin = options.flags.pop(0).rstrip('.') if options.flags else ''
            options.done()
            filled = []
            for record in body:
                copy = type(record)(record.number, self.substitute(record))
                filled.append(copy)
            self.zone.read_block(filled, origin, ttl)
            return after
        if first == 'define':
            self.macros[words[1]] = (words[2:], *self.block(lines, at)[:1])
            return self.block(lines, at)[1]
        if first == 'each':
            body, after = self.block(lines, at)
            self.each(words[1:], body)
            return after
        if first.endswith(':') and first[:-1].replace('-', '').isalpha():
            self.setting(first[:-1], words[1:])
        elif first in ('host', 'account', 'interface'):
            {'host': self.add_host, 'account': self.add_account,
             'interface': self.add_interface}[first](words[1:])
        elif first == 'let':
            self.variables[words[1]] = words[-1]
        elif first == 'offset':
            self.base = seconds(words[1])
        else:
            self.ready()
            self.timed(words, line)
        return at + 1

    def each(self, words, body):
        """each NAME in VALUES… | each NAME in FIRST to LAST by STEP"""
        name, values = words[0], words[2:]
        if len(values) == 5 and values[1] == 'to':
            low, high, by = seconds(values[0]), seconds(values[2]), seconds(values[4])
            values = []
            while low <= high:
                values.append(str(low // NS) + (f'.{low % NS:09d}'.rstrip('0') if low % NS else ''))
                low += by
        before = self.variables.get(name)
        for value in values:
            self.variables[name] = value
            self.run(body)
        if before is None:
            self.variables.pop(name, None)
        else:
            self.variables[name] = before

    def timed(self, words, line):
        t = None
        if is_time(words[0]):
            t = seconds(words[0]) + (self.last if words[0].startswith('+') else self.base)
            words = words[1:]
        if not words:
            raise ScenarioError('a time without an action')
        first = words[0]
        text = line.text
        if text is not None:
            for name, value in self.variables.items():
                text = text.replace('${' + name + '}', value)
        if first == 'do':
            return self.macro(t, words[1:])
        if first == '<-':
            return self.answer(self.last + self.rtt if t is None else t,
                               Options(words[1:], text))
        if t is None:
            t = self.last + self.rtt
        if first in ('fill', 'frame', 'wait', 'dropped', 'overtake'):
            return getattr(self, 'do_' + first)(t, Options(words[1:], text))
        if first == '->':
            if self.last_tx is None:
                raise ScenarioError('"->" needs a message before it: name both hosts')
            return self.between(t, None, None, '->', Options(words[1:], text))
        if len(words) > 1 and words[1] in ('->', '<->'):
            return self.between(t, first, words[2], words[1], Options(words[3:], text))
        if len(words) < 2:
            raise ScenarioError(f'"{first}" says nothing')
        verb = words[1]
        actions = {'dns': self.do_dns, 'resolve': self.do_resolve, 'arp': self.do_arp,
                   'dhcp': self.do_dhcp}
        if verb not in actions:
            raise ScenarioError(f'"{verb}": no such action of one host '
                                f'(dns, resolve, arp, dhcp; or HOST -> HOST …)')
        options = Options(words[2:], text)
        actions[verb](t, first, options)
        options.done()

    def macro(self, t, words):
        if words[0] not in self.macros:
            raise ScenarioError(f'nothing is defined as "{words[0]}"')
        names, body = self.macros[words[0]]
        if len(names) != len(words) - 1:
            raise ScenarioError(f'{words[0]} takes {" ".join(names) or "nothing"}')
        saved, base = dict(self.variables), self.base
        self.variables.update(zip(names, words[1:]))
        if t is not None:
            self.base = t
        self.run(body)
        self.variables, self.base = saved, base

    def do_fill(self, t, options):
        """As many frames as needed for the next one to be number to=N, or count=N frames."""
        frame = Frame(t, b'', 0, b'', b'', False)
        names = (options.get('between') or 'phone,dns').split(',')
        src, dst, _, _ = self.pair(*names)
        kind = options.flags.pop(0) if options.flags else 'rtp'
        frame.fill = (options.int('to'), options.int('count'), kind, src, dst)
        frame.line = self.line
        options.done()
        self.frames.append(frame)
        self.last = t

    def do_frame(self, t, options):
        """A frame given in hexadecimal, link-layer header and all."""
        frame = Frame(t, b'', 0, b'', b'', False)
        delivery = Delivery(self, options)
        frame.raw = bytes.fromhex(options.get('hex', ''))
        frame.interface, frame.snap, frame.comment = \
            delivery.interface, delivery.snap, delivery.comment
        frame.number = delivery.number
        frame.line = self.line
        options.done()
        self.frames.append(frame)
        self.last = t

    def do_wait(self, t, options):
        options.done()
        self.last = t

    def do_overtake(self, t, options):
        """The first frame from t on is captured before the frame before it."""
        self.overtakings.append((t, options.flag('order'), self.line))
        options.done()
        self.last = t

    def do_dropped(self, _t, options):
        """The capture's own drop counter, in the interface statistics."""
        self.interfaces[0].dropped = number(options.word('the number'))
        options.done()

    # -- the end -------------------------------------------------------------------------------

    def overtake(self, ordered):
        """Where asked for, two neighbours change places: with their times, or in the file alone."""
        for t, order_only, line in sorted(self.overtakings):
            at = next((i for i, frame in enumerate(ordered) if frame.t >= t), 0)
            if not at:
                raise ScenarioError(f'{self.name}:{line}: no frame comes there after another')
            before, frame = ordered[at - 1], ordered[at]
            if not order_only:
                before.t, frame.t = frame.t, before.t
            ordered[at - 1:at + 1] = frame, before

    def finish(self):
        """All frames in time order, filled, wrapped in their link layer and cut to length."""
        self.ready()
        ordered = sorted(self.frames, key=lambda frame: frame.t)
        self.overtake(ordered)
        out = []
        for index, frame in enumerate(ordered):
            if frame.fill is None:
                out.append(frame)
                continue
            to, count, kind, src, dst = frame.fill
            count = to - 1 - len(out) if count is None else count
            if count < 0:
                raise ScenarioError(f'{self.name}:{frame.line}: frame {to} is taken: {len(out)} '
                                    'frames come before')
            later = next((f.t for f in ordered[index + 1:]), frame.t + NS)
            self.line, keep, self.frames = frame.line, self.frames, []
            for n in range(count):
                at = frame.t + (later - frame.t) * n // max(1, count)
                if kind == 'arp':
                    self.emit(at, wire.arp(1, src.host.mac, src.address, b'\0' * 6, dst.address),
                              wire.ARP, src.host.mac, b'\xff' * 6, True)
                else:
                    self.udp(at, src.with_port(16384), dst.with_port(20000),
                             noise.rtp(self.seed, 'fill', n))
            out += self.frames
            self.frames = keep
        for number_, frame in enumerate(out, 1):
            if frame.number is not None and frame.number != number_:
                raise ScenarioError(f'{self.name}:{frame.line}: frame={frame.number}, but it is '
                                    f'frame {number_}')
            face = self.interfaces[frame.interface]
            data = frame.raw
            if data is None:
                if face.link not in wire.NEEDS_ETHERNET and frame.ethertype == wire.ARP:
                    raise ScenarioError(f'{self.name}:{frame.line}: link {face.link} carries no '
                                        'ARP')
                data = wire.LINKS[face.link][1](frame, self.pad)
            frame.length = len(data)
            frame.data = data[:min(face.snaplen, frame.snap or face.snaplen)]
            frame.t += self.start
        return out


def start_of(value):
    """Nanoseconds since 1970 of 2026-01-01T00:00:00Z (fractions allowed)."""
    text, _, fraction = value.rstrip('Z').partition('.')
    moment = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * NS + int((fraction or '0').ljust(9, '0')[:9])


def play(text, name):
    """The Play of a scenario text, all lines done; and its frames."""
    stage = Play(name)
    stage.run(read_lines(text, name))
    return stage, stage.finish()
