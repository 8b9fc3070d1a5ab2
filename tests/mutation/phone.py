"""A SIP phone that does what it is told: it writes the lines of a scenario (captures/README.md).

What it is (transport, address family, how it finds its servers, timers, lifetimes, credentials) is
drawn from a seeded generator; what it does, the generator of a rule tells it step by step. Its
clock, `t`, stands at the moment when it may send the next thing.
"""

import json

# The offsets at which a request is sent over UDP (RFC 3261 17.1): T1 doubling, capped for all but
# INVITE.
def schedule(method, count, t1=0.5, t2=4.0):
    out, gap, at = [], t1, 0.0
    for _ in range(count):
        out.append(round(at, 6))
        at += gap
        gap = gap * 2 if method == 'INVITE' else min(gap * 2, t2)
    return out


class Phone:
    """One phone, its servers and its zone. The settings not given are drawn."""

    def __init__(self, rng, servers=None, find=('naptr', 'srv'), transports=('udp', 'udp', 'tcp'),
                 **fixed):
        self.rng = rng

        def draw(key, *choices):
            return fixed.pop(key) if key in fixed else rng.choice(choices)

        self.count = servers or rng.choice((2, 2, 3, 4))
        self.transport = rng.choice(transports)
        self.find = draw('how', *find)
        self.v6 = draw('v6', False, False, True)
        self.families = draw('families', None, None, 'a,aaaa')
        self.domain = draw('domain', 'example.com', 'pbx.example.net', 'voice.office.example.org')
        self.user = draw('user', 'alice', '1001', '+15550100')
        self.t1 = draw('t1', 0.5, 0.5, 0.5, 1.0)
        self.ttl = draw('ttl', 300, 3600, 86400)
        self.expires = draw('expires', 60, 120, 300, 600)
        self.auth = draw('auth', 'none', 'once', 'each')
        self.new_calls = draw('new_calls', False, False, False, True)   # a Call-ID per renewal
        if self.new_calls and self.auth == 'once':
            self.auth = 'each'
        self.moves_under_new_call = draw('moves_under_new_call', False, False, False, True)
        self.rtt = draw('rtt', 0.0015, 0.005, 0.01, 0.03)
        self.agent = draw('agent', 'Example Phone 1.0', 'Desk 22/4.1', None)
        port = draw('port', 5060, 5060, 5070)
        self.ports = fixed.pop('ports', None) or [
            port if rng.random() < 0.6 else 5060 + 2 * i for i in range(self.count)]
        step = rng.choice((1, 10))
        self.priorities = fixed.pop('priorities', None) or [
            step * (i + 1) for i in range(self.count)]
        self.weights = fixed.pop('weights', None) or [
            rng.choice((0, 1, 10)) for _ in range(self.count)]
        self.boots = draw('boots', False, False, True)
        self.tell_servers = draw('tell_servers', False, True)
        self.address_ttls = fixed.pop('address_ttls', {})
        if self.find == 'configured':
            self.boots = True          # or nothing would show that it has just begun
        self.resolved = None           # when, last
        self.t = draw('begin', 1.0, 0.5, 3.0)
        self.numbers = {}
        self.two_addresses = False
        self.connects = None           # how a TCP server is silent: no connection at all, or drawn
        self.challenged = set()
        self.links = set()
        self.register_call = 'reg1'
        self.sets = {}
        self.body = []
        if fixed:
            raise TypeError(f'unknown settings {fixed}')
        if self.find == 'configured':
            self.expect('dns.mode', 'configured')
            self.expect('servers', [{'host': self.address(i), 'port': self.ports[i],
                                     'transport': self.transport} for i in range(self.count)])
        elif self.find == 'a':
            self.ports = [self.ports[0]] * self.count
            self.expect('servers', [{'host': self.domain, 'port': self.ports[0],
                                     'transport': self.transport}])
        elif self.tell_servers:
            self.expect('servers', [{'host': self.domain, 'port': 0, 'transport':
                                     'naptr' if self.find == 'naptr' else self.transport}])
        if self.t1 != 0.5:
            self.expect('retry.t1_s', self.t1)

    # -- what it is ------------------------------------------------------------------------

    @property
    def aor(self):
        return f'sip:{self.user}@{self.domain}'

    def address(self, index):
        return f'2001:db8:5::{index + 1}' if self.v6 else f'198.51.100.{index + 1}'

    def server(self, index):
        """The server of a rank, 0 the primary, as scenario lines name it."""
        return f's{index + 1}'

    def expect(self, key, value):
        """An expectation under which the phone is judged: --set KEY=VALUE."""
        self.sets[key] = value

    def number(self, kind):
        self.numbers[kind] = self.numbers.get(kind, 0) + 1
        return self.numbers[kind]

    def host_line(self):
        return 'host phone 192.0.2.10' + (' 192.0.2.11' if self.two_addresses else '') \
            + (' 2001:db8:1::10' if self.v6 else '')

    def head(self, seed):
        """Hosts, account and zone."""
        out = [f'seed: {seed}', f'transport: {self.transport}', f'expires: {self.expires}',
               f'rtt: {self.rtt}', 'format: pcapng']
        if self.agent:
            out.append(f'agent: {self.agent}')
        out.append(self.host_line())
        out += ['host dns 192.0.2.53', 'host dns2 192.0.2.54']
        for i in range(self.count):
            out.append(f'host {self.server(i)} {self.address(i)} port={self.ports[i]}')
        out.append(f'account {self.user}@{self.domain}')
        if self.find != 'configured':
            out += self.zone()
        return out

    def records(self):
        """The zone, one record a line."""
        kind = 'AAAA' if self.v6 else 'A'
        if self.find == 'a':
            return [f'@ {kind} {self.address(i)}' for i in range(self.count)]
        service = {'udp': 'SIP+D2U', 'tcp': 'SIP+D2T'}[self.transport]
        out = []
        if self.find == 'naptr':
            out.append(f'@ NAPTR 10 10 "s" "{service}" "" _sip._{self.transport}')
        for i in range(self.count):
            out.append(f'_sip._{self.transport} SRV {self.priorities[i]} {self.weights[i]} '
                       f'{self.ports[i]} sip{i + 1}')
        for i in range(self.count):
            ttl = self.address_ttls.get(i, '')
            out.append(f'sip{i + 1} {ttl} {kind} {self.address(i)}')
        return out

    def zone(self):
        return [f'zone {self.domain} ttl={self.ttl}'] + self.records() + ['end']

    def text(self, seed):
        """The whole scenario."""
        return '\n'.join(self.head(seed) + self.body) + '\n'

    # -- what it does ----------------------------------------------------------------------

    def say(self, text, at=None):
        self.body.append(f'{self.t if at is None else at:.6f} {text}')

    def then(self, text):
        """A line that follows the one before by a round trip."""
        self.body.append(text)
        self.t += self.rtt

    def wait(self, seconds):
        self.t += seconds

    def linger(self, seconds):
        """The phone is there to the end of the capture, and does nothing."""
        self.t += seconds
        self.say('phone arp dns')

    def query_families(self):
        return self.families or ('aaaa' if self.v6 else 'a')

    def resolve(self):
        """The whole chain, if what is known has expired."""
        if self.find == 'configured':
            return
        if self.resolved is not None and self.t < self.resolved + self.least_ttl() - 1:
            return
        self.lookup()

    def least_ttl(self):
        return min([self.ttl] + list(self.address_ttls.values()))

    def lookup(self):
        self.say(f'phone resolve {self.domain} mode={self.find} transports={self.transport} '
                 f'families={self.query_families()}')
        self.resolved = self.t
        self.t += 0.15

    def boot(self):
        """Powered on: lookups, and all is well at the primary."""
        if self.boots:
            self.say('phone dhcp')
            self.t += 0.1
        self.resolve()

    def start(self, at=0):
        """Boots and registers, at the primary unless told otherwise."""
        self.boot()
        self.register(at)

    def renewal(self):
        """The Call-ID of the next REGISTER."""
        if self.new_calls:
            self.register_call = f'reg{self.number("registration")}'
        return self.register_call

    def credentials(self, call):
        return ' auth' if self.auth == 'once' and call in self.challenged else ''

    def register(self, at, call=None, options=''):
        """REGISTER at the server of a rank, answered 200; with its challenge, if there is one."""
        call = call or self.renewal()
        server = self.server(at)
        self.links.add(at)
        self.say(f'phone -> {server} REGISTER call={call}{self.credentials(call)} {options}')
        if self.auth == 'each' or self.auth == 'once' and call not in self.challenged:
            self.then('<- 401')
            self.then(f'-> REGISTER call={call} auth {options}')
            self.challenged.add(call)
        self.then('<- 200')
        self.t += self.rtt

    def line(self, method, at, call, options=''):
        """One request line at the phone's time."""
        if method == 'REGISTER':
            options = self.credentials(call) + ' ' + options
        self.links.add(at)
        self.say(f'phone -> {self.server(at)} {method} call={call} {options}')

    def call(self, at, name=None, seconds=None):
        """A call set up at a server; hung up after so many seconds, if given."""
        name = name or f'call{self.number("call")}'
        self.line('INVITE', at, name)
        self.then('<- 100')
        self.then('<- 180')
        self.wait(0.5)
        self.say('<- 200')
        self.then(f'-> ACK call={name}')
        self.t += self.rtt
        if seconds is not None:
            self.wait(seconds)
            self.bye(at, name)
        return name

    def bye(self, at, name):
        self.line('BYE', at, name)
        self.then('<- 200')
        self.t += self.rtt

    def answered(self, method, at, call, status=200):
        """A request that gets a final response, and what the phone owes for it."""
        if method == 'REGISTER' and status == 200:
            self.register(at, call)
            return
        self.line(method, at, call)
        if method == 'INVITE' and status == 200:
            self.then('<- 180')
            self.wait(0.4)
        self.then(f'<- {status}')
        if method == 'INVITE':
            self.then(f'-> ACK call={call}')
        self.t += self.rtt

    def silent(self, method, at, call, tries, gap=None):
        """So many tries at a server that does not answer; `t` is then when the next one was due."""
        if self.transport == 'udp':
            offsets = schedule(method, tries + 1, self.t1)
            repeats = ','.join(f'{o:g}' for o in offsets[1:-1])
            self.line(method, at, call, f'at={repeats}' if repeats else '')
            self.wait(offsets[-1] if gap is None else gap)
            return
        connects = self.rng.random() < 0.5 if self.connects is None else self.connects
        if connects and at in self.links:
            self.say(f'phone -> {self.server(at)} close', self.t - 0.3)
            self.links.discard(at)
        each = (gap or self.rng.choice((4.0, 4.5))) if gap is None else gap / tries
        for _ in range(tries):
            if connects:
                self.say(f'phone -> {self.server(at)} connect timeout at=1,3')
            else:
                self.line(method, at, call, 'at=0.3,0.9,2.1 noack')
            self.wait(each)

    def refused(self, method, at, call):
        """One try that the network refuses: ICMP, or a reset."""
        if self.transport == 'udp':
            self.line(method, at, call, 'icmp=port')
        elif self.connects is False:
            self.line(method, at, call, 'noack')
            self.say(f'{self.server(at)} -> phone reset', self.t + 0.01)
            self.links.discard(at)
        else:
            if at in self.links:
                self.say(f'phone -> {self.server(at)} close', self.t - 0.3)
                self.links.discard(at)
            self.say(f'phone -> {self.server(at)} connect refused')
        self.wait(self.rng.choice((0.02, 0.1, 0.4)))

    def fails(self, method, at, call, how='silent', tries=3):
        """One failed attempt, of any kind."""
        if how == 'silent':
            self.silent(method, at, call, tries)
        elif how == 'refused':
            self.refused(method, at, call)
        else:
            self.answered(method, at, call, how)
            self.wait(self.rng.choice((0.0, 0.05, 0.5)))

    def next_call(self, method, call):
        """The Call-ID under which the request goes to another server."""
        if not self.moves_under_new_call or method == 'BYE':
            return call
        fresh = f'{call}x'
        if method == 'REGISTER':
            self.register_call = fresh
            if self.auth == 'once':
                self.auth = 'each'
        return fresh

    def second_account(self, until):
        """Another account of the same phone, at servers of its own: it registers and renews."""
        step = self.rng.choice((35, 50, 110))
        out = ['seed: second', f'transport: {self.transport}', f'expires: {step + 10}',
               f'rtt: {self.rtt}', 'format: pcapng']
        if self.agent:
            out.append(f'agent: {self.agent}')
        address, kind = ('2001:db8:6::1', 'AAAA') if self.v6 else ('203.0.113.201', 'A')
        out += [self.host_line(), 'host dns 192.0.2.53', f'host o1 {address}',
                'account second@other.example', 'zone other.example ttl=86400',
                f'@ NAPTR 10 10 "s" "SIP+D2{self.transport[0].upper()}" "" _sip._{self.transport}',
                f'_sip._{self.transport} SRV 1 1 5060 o1', f'o1 {kind} {address}', 'end']
        at = 1.3
        out.append(f'{at} phone resolve other.example transports={self.transport} '
                   f'families={kind.lower()}')
        at += 0.1
        while at < until:
            out += [f'{at:.6f} phone -> o1 REGISTER', '<- 200']
            at += step
        return '\n'.join(out) + '\n'

    def noise(self, until):
        """RTP of the same phone, in bursts, with a host that has nothing to do with its servers."""
        out = ['seed: noise', f'rtt: {self.rtt}', 'format: pcapng', 'host phone 192.0.2.10',
               'host peer 203.0.113.99']
        for _ in range(4):
            at = self.rng.uniform(0, max(until - 1, 0.1))
            out.append(f'{at:.6f} phone <-> peer rtp until={min(at + 0.8, until):.6f} rate=50')
        return '\n'.join(out) + '\n'


class Case:
    """A phone's behaviour, and the verdict that it deserves."""

    def __init__(self, rule, number, phone, verdict, note, extra=()):
        self.rule = rule
        self.number = number
        self.phone = phone
        self.verdict = verdict
        self.note = note
        self.extra = extra
        self.seed = f'{rule}-{number}'

    def text(self):
        return self.phone.text(self.seed)

    def options(self):
        out = []
        for key in sorted(self.phone.sets):
            value = self.phone.sets[key]
            out += ['--set', f'{key}={json.dumps(value, separators=(",", ":"))}']
        return out
