"""Connection lines, and payloads that are no SIP or SIP byte for byte."""

import scenario_noise as noise
import scenario_websocket as websocket
import scenario_wire as wire
from scenario_sip import Call, Transaction
from scenario_stage import MS, Delivery, Shape
from scenario_tcp import Connection
from scenario_text import NS, Options, ScenarioError


class Connections:
    """The part of a Play that opens, uses and ends connections."""

    def connection(self, src, dst, transport, fixed, make=True):
        """The connection of two endpoints, whichever side opened it; and which side src is."""
        for (way, _), link in reversed(self.connections.items()):
            if way != transport or link.closed:
                continue
            client, server = link.ends[True], link.ends[False]
            here = (server.address, server.port) == (dst.address, dst.port)
            if here and client.address == src.address and fixed in (None, client.port):
                return link, True
            back = (client.address, server.address) == (dst.address, src.address)
            if back and src.port in (server.port, src.host.port):
                return link, False
        if not make:
            raise ScenarioError('there is no such connection')
        return self._fresh(src, dst, transport, fixed), True

    def secure(self, t, link):
        """The opaque TLS handshake, in the 10 ms before the first message."""
        name = link.name
        sni = self.settings['domain'] or 'example.com'
        shape = Shape(self, Options([]))
        link.data(t - 8 * MS, True, noise.client_hello(self.seed, name, sni), None, shape)
        link.data(t - 6 * MS, False, noise.server_hello(self.seed, name), None, shape)
        link.data(t - 4 * MS, True, noise.finished(self.seed, name, True), None, shape)
        link.tls = True

    def upgrade(self, t, link):
        """The WebSocket handshake (RFC 7118 4.1), in the 6 ms before the first message."""
        shape = Shape(self, Options([]))
        request, consent = websocket.handshake(self.seed, link.name, link.ends[False].sip_name())
        link.data(t - 5 * MS, True, request, None, shape)
        link.data(t - 3 * MS, False, consent, None, shape)
        link.upgraded = True

    def framed(self, link, up, payload, options):
        """A message in WebSocket frames: text or binary, whole or in fragments; clients mask."""
        return websocket.message(self.seed, link.name, self.next(('ws', link.name)), up, payload,
                                 options.flag('binary'), options.int('fragments', 1),
                                 options.flag('pinged'))

    def sealed(self, link, _up, payload):
        """A message as the opaque TLS records that carry it."""
        return noise.application_data(self.seed, link.name, self.next(('tls', link.name)),
                                      len(payload))

    def do_connection(self, t, verb, src, dst, transport, fixed, options):
        transport = transport if transport in ('tls', 'ws') else 'tcp'
        delivery = Delivery(self, options)
        self.last = t
        if verb == 'connect':
            link = self._fresh(src, dst, transport, fixed)
            times = options.times('at') or []
            if options.flag('refused'):
                link.refused(t, delivery)
                link.closed = True
            elif options.flag('timeout'):
                link.syn(t, times or [NS, 3 * NS, 7 * NS], delivery)
                self.last = t + (times or [7 * NS])[-1]
                link.closed = True
            elif 'icmp' in options.values:
                kind = options.get('icmp')
                link.syn(t, times, delivery)
                self.send_icmp(t + MS // 2, link.ends[False], link.ends[True], kind, self.last_ip,
                               options.get('router'), None, False)
                link.closed = True
            else:
                link.handshake(t + 3 * MS, delivery)
                self.last = t + 2 * MS
                if transport == 'tls' and not options.flag('notls'):
                    self.secure(t + 13 * MS, link)
                    self.last = t + 11 * MS
                if transport == 'ws':
                    self.upgrade(t + 9 * MS, link)
                    self.last = t + 7 * MS
            return
        if verb == 'established':
            link = self._fresh(src, dst, transport, fixed)
            link.establish()
            link.tls = transport == 'tls'
            link.upgraded = transport == 'ws'
            return
        link, up = self.connection(src, dst, transport, fixed, make=False)
        if verb == 'close':
            link.fin(t, up, delivery)
            link.closed = True
            self.last = t + MS
        elif verb == 'fin':
            link.fin(t, up, delivery, whole=False)
        else:
            link.reset(t, up, delivery)
            link.closed = True

    def _fresh(self, src, dst, transport, fixed):
        """A new connection, whatever stands already."""
        port = fixed or 49152 + self.next(('port', src.host.name)) - 1
        name = f'{src.host.name}/{port}/{dst.host.name}/{self.next("connections")}'
        link = Connection(self, src.with_port(port), dst, name)
        link.closed = False
        link.name = name
        self.connections[(transport, name)] = link
        return link

    def do_payload(self, t, verb, src, dst, transport, fixed, options):
        """Things on the SIP port that are no SIP, or SIP given byte for byte."""
        delivery = Delivery(self, options)
        repeats = options.times('at') or []
        if verb in ('crlf', 'pong'):
            payload = b'\r\n'
        elif verb == 'ping':
            payload = b'\r\n\r\n'
        elif verb == 'zeros':
            payload = b'\0' * options.int('length', 4)
        elif verb == 'stun':
            payload = noise.stun(self.seed, options.get('name', self.next('stun')),
                                 options.flag('response'), dst.address, dst.port)
        elif verb == 'data':
            hexadecimal = options.get('hex')
            payload = bytes.fromhex(hexadecimal) if hexadecimal is not None \
                else wire.token_bytes(options.int('length'), self.seed, 'data', self.line) \
                if 'length' in options.values else options.get('text', '').encode()
        elif verb == 'raw':
            payload = (options.text or '').encode()
            cut = options.int('cut')
            self.adopt(payload, src, dst, transport, fixed)
            payload = payload[:cut] if cut is not None else payload
            options.text = None
        else:
            transport = 'tls'
            link, up = self.connection(src, dst, 'tls', fixed)
            if not link.open:
                link.handshake(t)
            name = link.name
            if verb == 'tls-hello':
                sni = options.get('sni') or self.settings['domain'] or 'example.com'
                payload = noise.client_hello(self.seed, name, sni)
            elif verb == 'tls-server-hello':
                payload = noise.server_hello(self.seed, name)
            elif verb == 'tls-finished':
                payload = noise.finished(self.seed, name, up)
                link.tls = True
            elif verb == 'tls-data':
                payload = noise.application_data(self.seed, name, self.next(('tls', name)),
                                                 options.int('length', 500))
            else:
                payload = noise.alert(options.flags.pop(0) if options.flags else 'handshake')
            link.data(t, up, payload, delivery, Shape(self, options))
            self.last = t
            return
        self.transmit(t, src, dst, transport, fixed, payload, options, delivery, repeats)

    def adopt(self, payload, src, dst, transport, fixed):
        """Take a literal request for the last one, so that answers can follow it."""
        head = payload.decode('utf-8', 'replace').split('\r\n\r\n')[0].split('\r\n')
        words = head[0].split(' ')
        headers = [(name, value.strip()) for name, _, value in (h.partition(':') for h in head[1:])]
        if len(words) != 3 or words[0] == 'SIP/2.0':
            return
        ident = next((v for n, v in headers if n.lower() in ('call-id', 'i')), '')
        call = self.sip.calls.setdefault(ident, Call(
            ident, ident, src.host.name, self.sip.account_of(src.host), '', '', None))
        if transport == 'udp' and fixed:
            src = src.with_port(fixed)
        if transport != 'udp':
            link, up = self.connection(src, dst, transport, fixed)
            src = link.ends[up]
        tx = Transaction(words[0], words[1], headers, b'', call, src, dst, transport, True)
        tx.branch = tx.cseq = None
        self.last_tx = self.transactions[words[0]] = tx
