"""Lines of one host: name lookups, ARP, DHCP; and RTP."""

import ipaddress

import scenario_dns as dns
import scenario_noise as noise
import scenario_wire as wire
from scenario_stage import MS, Delivery, Endpoint, Host
from scenario_text import NS, Options, ScenarioError


class Lookups:
    """The part of a Play that asks name servers."""

    def do_dns(self, t, who, options):
        kind = options.word('the record type').upper()
        name = options.word('the name')
        self.lookup(t, who, kind, name, options)

    def lookup(self, t, who, kind, name, options):
        """A query and its answer; returns the answer's records."""
        resolver = options.get('resolver') or self.resolver \
            or ('dns' if 'dns' in self.hosts else None)
        if resolver is None:
            raise ScenarioError('no resolver: declare a host "dns", or "resolver: NAME"')
        v6 = options.flag('v6')
        src, dst, src_port, dst_port = self.pair(who, resolver, v6)
        dst = dst.with_port(dst_port or 53)
        count = self.next(('query', src.host.name))
        port = options.int('port', src_port or 30000 + int(
            wire.token(self.seed, 'dns-port', src.host.name, count), 16) % 20000)
        src = src.with_port(port)
        ident = options.int('id', int(wire.token(self.seed, 'dns-id', src.host.name, count,
                                                 length=4), 16))
        edns = options.int('edns')
        ttl = options.int('ttl')
        rcode, answers = self.zone.answer(name, kind)
        order = options.numbers('order')
        if order:
            if sorted(order) != list(range(1, len(answers) + 1)):
                raise ScenarioError(f'order= must name each of the {len(answers)} records once')
            answers = [answers[n - 1] for n in order]
        given = options.get('rcode')
        if given:
            rcode, answers = given, []
        if options.flag('empty'):
            rcode, answers = 'NOERROR', []
        truncated = options.flag('truncated')
        kept = options.int('keep', 0 if truncated else None)
        authority = self.zone.apex(name, 'NS') if options.flag('authority') or \
            (self.authority and answers) else []
        if not answers and rcode in ('NOERROR', 'NXDOMAIN'):
            authority = self.zone.apex(name, 'SOA')
        additional = self.zone.additional(answers) if options.flag('additional') else []
        aa = options.flag('aa')
        delivery = Delivery(self, options)
        lost_query, lost_answer = options.flag('lost-query'), options.flag('lost-answer')
        noanswer = options.flag('noanswer')
        after = options.time('after', 2 * MS)
        repeats = self.repeats('QUERY', options)
        icmp = options.get('icmp')
        answer_frame = options.int('answer-frame')
        question = dns.message(ident, name, kind, edns=edns,
                               recursion=not options.flag('norecursion'))
        reply = dns.message(ident, name, kind, True, rcode,
                            answers if kept is None else answers[:kept], authority, additional,
                            truncated, aa, available=not options.flag('nora'), edns=edns, ttl=ttl)
        delivery.all_lost = delivery.all_lost or lost_query
        transport = 'tcp' if options.flag('tcp') else 'udp'
        if transport == 'tcp':
            question = len(question).to_bytes(2, 'big') + question
            reply = len(reply).to_bytes(2, 'big') + reply
        src, dst = self.transmit(t, src, dst, transport, port, question, options, delivery, repeats,
                                 icmp)
        if noanswer:
            return []
        quiet = Delivery(self, Options([]))
        quiet.vlans, quiet.interface, quiet.snap = delivery.vlans, delivery.interface, delivery.snap
        quiet.copies, quiet.copy_vlans, quiet.mtu = \
            delivery.copies, delivery.copy_vlans, delivery.mtu
        quiet.number = answer_frame
        quiet.all_lost = lost_answer or (delivery.all_lost and not lost_query)
        at = self.last + after
        self.transmit(at, dst, src, transport, None, reply, Options([]), quiet)
        self.last = at
        return answers if kept is None and not truncated else []

    def do_resolve(self, t, who, options):
        """NAPTR, SRV, addresses: the whole chain as a phone asks it (mode=naptr|srv|a)."""
        name = options.word('the name').rstrip('.')
        mode = options.get('mode', 'naptr')
        transports = options.get('transports', 'udp').split(',')
        families = options.get('families', 'a').split(',')
        resolver = options.get('resolver')
        gap = options.time('gap', 5 * MS)
        first_only = options.flag('first')
        services = {'udp': ('SIP+D2U', '_sip._udp'), 'tcp': ('SIP+D2T', '_sip._tcp'),
                    'tls': ('SIPS+D2T', '_sips._tcp'), 'ws': ('SIP+D2W', '_sip._ws')}
        clock = [t]

        def ask(kind, what):
            words = [] if resolver is None else [f'resolver={resolver}']
            found = self.lookup(clock[0], who, kind, what, Options(words))
            clock[0] = self.last + gap
            return found

        names = []
        if mode == 'naptr':
            found = [r for r in ask('NAPTR', name) if r.kind == 'NAPTR']
            wanted = [services[x][0] for x in transports]
            found = [r for r in found if r.data[3].upper() in wanted]
            found.sort(key=lambda r: (int(r.data[0]), int(r.data[1])))
            names = [r.target() for r in found]
        if mode in ('naptr', 'srv') and not names:
            names = [f'{services[x][1]}.{name}' for x in transports]
        targets = []
        if first_only:
            names = names[:1]
        for srv in names:
            found = [r for r in ask('SRV', srv) if r.kind == 'SRV']
            found.sort(key=lambda r: (int(r.data[0]), -int(r.data[1])))
            for target in (r.target() for r in found):
                if target and target.lower() not in (x.lower() for x in targets):
                    targets.append(target)
        if first_only:
            targets = targets[:1]
        for target in targets or [name]:
            for family in families:
                ask(family.upper(), target)


class Network:
    """The part of a Play that makes everything else on the wire."""

    def do_arp(self, t, who, options):
        """ARP request (IPv4) or neighbour solicitation (IPv6); answered unless noanswer."""
        src, dst, _, _ = self.pair(who, options.word('the host asked for'), options.flag('v6'))
        unanswered = options.flag('noanswer')
        delivery = Delivery(self, options)
        times = [0] + (options.times('at') or [])
        phone = self.is_phone(src.host)
        for at in times:
            if src.address.version == 4:
                self.emit(t + at, wire.arp(1, src.host.mac, src.address, b'\0' * 6, dst.address),
                          wire.ARP, src.host.mac, b'\xff' * 6, phone, delivery)
            else:
                group = wire.solicited_node(dst.address)
                asked = wire.neighbour(135, src.host.mac, src.address, group, dst.address)
                self.emit(t + at, asked, 0x86DD, src.host.mac, wire.multicast_mac(group), phone,
                          delivery)
        self.last = t + times[-1]
        if unanswered:
            return
        at = self.last + MS // 5
        if src.address.version == 4:
            self.emit(at, wire.arp(2, dst.host.mac, dst.address, src.host.mac, src.address),
                      wire.ARP, dst.host.mac, src.host.mac, False, delivery)
        else:
            self.emit(at, wire.neighbour(136, dst.host.mac, dst.address, src.address, dst.address),
                      0x86DD, dst.host.mac, src.host.mac, False, delivery)

    def do_dhcp(self, t, who, options):
        """The boot of a phone: DISCOVER, OFFER, REQUEST, ACK (or only the latter two: renew)."""
        host, _, _ = self.host_of(who)
        name = options.get('server') or ('dhcp' if 'dhcp' in self.hosts else
                                         self.resolver or 'dns')
        server, _, _ = self.host_of(name)
        delivery = Delivery(self, options)
        zero = Endpoint(host, ipaddress.ip_address('0.0.0.0'), 68)
        everyone = Endpoint(Host('all', [ipaddress.ip_address('255.255.255.255')], b'\xff' * 6, 67,
                                 None), ipaddress.ip_address('255.255.255.255'), 67)
        here = Endpoint(host, host.address(4), 68)
        there = Endpoint(server, server.address(4), 67)
        kinds = ('discover', 'offer', 'request', 'ack')[2 if options.flag('renew') else 0:]
        for index, kind in enumerate(kinds):
            payload = noise.dhcp(kind, self.seed, host.mac, here.address, there.address)
            ends = (there, here) if kind in ('offer', 'ack') else (zero, everyone)
            self.udp(t + index * 2 * MS, *ends, payload, delivery)
        self.last = t + (len(kinds) - 1) * 2 * MS

    def do_rtp(self, t, src, dst, both, options):
        """A stream of RTP from t until=SECONDS, rate=50 a second."""
        delivery = Delivery(self, options)
        until = options.time('until')
        until = t + NS if until is None else until + self.base
        rate = options.int('rate', 50)
        src_port, dst_port = options.int('src-port', 16384), options.int('dst-port', 20000)
        src, dst = src.with_port(src_port), dst.with_port(dst_port)
        stream = self.next('rtp')
        index, at = 0, t
        while at < until:
            self.udp(at, src, dst, noise.rtp(self.seed, stream, index), delivery)
            if both:
                self.udp(at + MS, dst, src, noise.rtp(self.seed, -stream, index), delivery)
            index += 1
            at = t + index * NS // rate
        self.last = at
