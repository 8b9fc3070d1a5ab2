"""SIP lines: requests, repeats, forwarding, answers, ICMP errors."""

import scenario_noise as noise
import scenario_wire as wire
from scenario_sip import METHODS, Transaction, uri_of
from scenario_stage import MS, Delivery, Endpoint, Shape
from scenario_text import NS, ScenarioError, number

T1, T2 = NS // 2, 4 * NS
USUAL_PORTS = {'tls': 5061, 'ws': 80}


class Messages:
    """The part of a Play that sends SIP."""

    def between(self, t, left, right, arrow, options):
        verb = options.word('the message')
        v6 = options.flag('v6')
        transport = self.transport
        for name in ('udp', 'tcp', 'tls', 'ws'):
            if options.flag(name):
                transport = name
        if left is None:
            tx = self.last_tx
            src, dst, transport = tx.src, tx.dst, tx.way
            fixed = src.port if transport != 'udp' else None
        else:
            src, dst, src_port, dst_port = self.pair(left, right, v6)
            fixed = src_port
            if transport in USUAL_PORTS and dst_port is None and dst.port == 5060:
                dst = dst.with_port(USUAL_PORTS[transport])
        if verb in METHODS or verb.isupper() and verb.isalpha():
            self.do_request(t, verb, src, dst, transport, fixed, options)
        elif verb == 'again':
            self.do_again(t, src, dst, transport, fixed, options)
        elif verb == 'forward':
            self.do_forward(t, src, dst, transport, options)
        elif verb in ('connect', 'established', 'close', 'fin', 'reset'):
            self.do_connection(t, verb, src, dst, transport, fixed, options)
        elif verb == 'rtp':
            self.do_rtp(t, src, dst, arrow == '<->', options)
        elif verb in ('crlf', 'ping', 'pong', 'zeros', 'stun', 'data', 'raw', 'tls-hello',
                      'tls-server-hello', 'tls-finished', 'tls-data', 'tls-alert'):
            self.do_payload(t, verb, src, dst, transport, fixed, options)
        else:
            raise ScenarioError(f'"{verb}": no such message')
        options.done()

    def transmit(self, t, src, dst, transport, fixed, payload, options, delivery, repeats=(),
                 icmp=None):
        """Send a message over UDP, TCP, WebSocket or (opaquely) TLS; returns the two endpoints."""
        if transport == 'udp':
            if fixed:
                src = src.with_port(fixed)
            last = t
            for at in [0] + list(repeats):
                self.udp(t + at, src, dst, payload, delivery)
                self.last_send = (src, dst, self.last_ip)
                last = t + at
                if icmp:
                    self.send_icmp(last + MS // 2, dst, src, icmp, self.last_ip, None, None, False)
            self.last = last
            return src, dst
        shape = Shape(self, options)
        shape.repeats = list(repeats)
        link, up = self.connection(src, dst, transport, fixed)
        if not link.open:
            link.handshake(t - {'tls': 10 * MS, 'ws': 6 * MS}.get(transport, 0))
        if transport == 'tls':
            if not link.tls:
                self.secure(t, link)
            payload = self.sealed(link, up, payload)
        if transport == 'ws':
            if not link.upgraded:
                self.upgrade(t, link)
            payload = self.framed(link, up, payload, options)
        if delivery.all_lost:
            link.seq[up] += len(payload)
            frame = None
        else:
            frame = link.data(t, up, payload, delivery, shape)
        self.last = frame.t if frame else t
        self.last_send = (link.ends[up], link.ends[not up], self.last_ip)
        return link.ends[up], link.ends[not up]

    def repeats(self, method, options):
        """Offsets of the repeated sends: at=…, or repeat[=N] and until=S by RFC 3261 17.1."""
        at = options.times('at')
        count = options.int('repeat')
        until = options.time('until', 32 * NS if count is None else 3600 * NS)
        if at is not None:
            return at
        if not options.flag('repeat') and count is None:
            return []
        t1 = options.time('t1', T1)
        out, gap, when = [], t1, t1
        while when < until and len(out) < (count - 1 if count is not None else 1000):
            out.append(when)
            gap = gap * 2 if method == 'INVITE' else min(gap * 2, T2)
            when += gap
        return out

    def do_request(self, t, method, src, dst, transport, fixed, options):
        delivery = Delivery(self, options)
        label = options.get('as')
        icmp = options.get('icmp')
        repeats = self.repeats(method, options)
        # Via and Contact name the port that listens; over TCP that is not the connection's own.
        named = src if transport == 'udp' else src.with_port(src.host.port)
        tx = self.sip.request(method, named, dst, transport, options, transport)
        tx.src, tx.dst = self.transmit(t, src, dst, transport, fixed, tx.render(), options,
                                       delivery, repeats, icmp)
        self.transactions[method] = tx
        self.remember(tx, label)

    def remember(self, tx, label):
        """Make it the request that `<-` answers (nobody answers an ACK)."""
        if tx.method != 'ACK' or self.last_tx is None:
            self.last_tx = tx
        if label:
            self.transactions[label] = tx

    def do_again(self, t, src, dst, transport, fixed, options):
        """The same message once more, byte for byte; to another server if named."""
        tx = self.transaction(options.get('of'))
        delivery = Delivery(self, options)
        repeats = self.repeats(tx.method, options)
        copy = Transaction(tx.method, tx.uri, tx.headers, tx.body, tx.call, src, dst, transport,
                           tx.outward)
        copy.branch, copy.cseq = tx.branch, tx.cseq
        icmp = options.get('icmp')
        label = options.get('as')
        copy.src, copy.dst = self.transmit(t, src, dst, transport, fixed, tx.render(), options,
                                           delivery, repeats, icmp)
        self.remember(copy, label)

    def do_forward(self, t, src, dst, transport, options):
        """A proxy passes a request on: one Via more, Max-Forwards less one."""
        tx = self.transaction(options.get('of'))
        delivery = Delivery(self, options)
        repeats = self.repeats(tx.method, options)
        branch = options.get('branch') or 'z9hG4bK' + wire.token(
            self.seed, 'forward', tx.call.name, self.next('forward'), length=16)
        headers = [('Via', f'SIP/2.0/{transport.upper()} {src.sip_name()};branch={branch}')]
        if options.flag('record-route'):
            headers.append(('Record-Route', f'<sip:{src.sip_name()};lr>'))
        for name, value in tx.headers:
            if name == 'Max-Forwards':
                value = str(int(value) - 1)
            if name != 'Route' or src.sip_name() not in value:
                headers.append((name, value))
        uri = options.get('uri')
        copy = Transaction(tx.method, uri_of(uri) if uri else tx.uri, headers, tx.body, tx.call,
                           src, dst, transport, tx.outward)
        copy.branch, copy.cseq = branch, tx.cseq
        copy.origin = tx
        icmp = options.get('icmp')
        label = options.get('as')
        copy.src, copy.dst = self.transmit(t, src, dst, transport, None, copy.render(), options,
                                           delivery, repeats, icmp)
        self.remember(copy, label)

    def transaction(self, label):
        tx = self.last_tx if label is None else self.transactions.get(label)
        if tx is None:
            raise ScenarioError(f'no request {label or "before this line"}')
        return tx

    def answer(self, t, options):
        """<- STATUS …, <- relay, <- icmp KIND …, <- raw <<END: an answer to the last request."""
        what = options.word('the answer')
        if what == 'icmp':
            kind = options.flags.pop(0) if options.flags else 'port'
            src, dst, packet = self.last_send
            router = options.get('router')
            full = options.flag('full')
            delivery = Delivery(self, options)
            self.send_icmp(t, dst, src, kind, packet, router, delivery, full)
            self.last = t
            options.done()
            return
        label = options.get('to')
        tx = self.transaction(label)
        delivery = Delivery(self, options)
        relayed = None
        if what == 'relay':
            if label is None and self.last_answered is not None:
                tx = self.last_answered
            if tx.origin is None or tx.answer is None:
                raise ScenarioError('"<- relay" needs a forwarded request that has been answered')
            relayed = tx.answer
            tx = self.last_tx = tx.origin
        src, dst = tx.dst, tx.src
        sender = options.get('by')
        if sender:
            host, address, port = self.host_of(sender)
            src = Endpoint(host, address or host.address(dst.address.version), port or host.port)
        target = options.get('at-port')
        if target:
            dst = dst.with_port(number(target))
        repeats = options.times('at') or []
        if what == 'raw':
            payload = (options.text or '').encode()
            options.text = None
        elif relayed is not None:
            payload = tx.relay(relayed)
        else:
            payload = self.sip.response(tx, number(what), options, src, tx.way)
        self.last_answered = tx
        self.transmit(t, src, dst, tx.way, None, payload, options, delivery, repeats)
        if tx.way == 'udp':
            self.last = t
        options.done()

    def send_icmp(self, t, src, dst, kind, packet, router, delivery, full):
        if router:
            host, address, _ = self.host_of(router)
            src = Endpoint(host, address or host.address(dst.address.version), 0)
        protocol, body = wire.icmp_error(src.address, dst.address, kind, packet, full)
        self.ip(t, src, dst, protocol, body, delivery)
