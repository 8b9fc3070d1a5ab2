"""dns.*: a step left out, a step too many, the wrong name; the wrong service; too old an address."""

from phone import Case, Phone

OTHER = {'udp': 'tcp', 'tcp': 'udp'}
SERVICE = {'udp': 'SIP+D2U', 'tcp': 'SIP+D2T'}


class Asker(Phone):
    """A phone whose lookups are told one by one."""

    def __init__(self, rng, **fixed):
        fixed.setdefault('tell_servers', False)
        super().__init__(rng, servers=fixed.pop('servers', 2), find=('srv',), **fixed)
        self.own = None

    @property
    def kind(self):
        return 'AAAA' if self.v6 else 'A'

    def records(self):
        return self.own

    def configured(self, port=0, transport=None):
        self.expect('servers', [{'host': self.domain, 'port': port,
                                 'transport': transport or self.transport}])

    def usual(self, naptr=True, srv=True, itself=True):
        """NAPTR, SRV and address records, as far as there are."""
        out = []
        if naptr:
            out.append(f'@ NAPTR 10 10 "s" "{SERVICE[self.transport]}" "" _sip._{self.transport}')
        if srv:
            out += [f'_sip._{self.transport} SRV {10 * (i + 1)} 1 {self.ports[i]} sip{i + 1}'
                    for i in range(self.count)]
        if itself:
            out.append(f'@ {self.kind} {self.address(0)}')
        out += [f'sip{i + 1} {self.address_ttls.get(i, "")} {self.kind} {self.address(i)}'
                for i in range(self.count)]
        self.own = out

    def name(self, label):
        return self.domain if label == '@' else f'{label}.{self.domain}'

    def ask(self, kind, label, options=''):
        self.say(f'phone dns {self.kind if kind == "A" else kind} {self.name(label)} {options}')
        self.wait(0.01)

    def ask_all(self, steps):
        for step in steps:
            self.ask(*step.split(' ', 2))
        self.wait(0.02)


# What is configured, what the zone holds, what is asked; whether that is right.
# S stands for the SRV name of the transport, O for that of the other one.
CHAINS = (
    ('naptr', 'nsa', ('NAPTR @', 'SRV S', 'A sip1', 'A sip2'), 'pass', 'the whole chain'),
    ('naptr', 'nsa', ('NAPTR @', 'SRV S', 'A sip1'), 'pass', 'an address in its turn'),
    ('naptr', 'nsa', ('SRV S', 'A sip1', 'A sip2'), 'fail', 'NAPTR left out'),
    ('naptr', 'nsa', ('NAPTR @', 'A @'), 'fail', 'SRV left out'),
    ('naptr', 'nsa', ('A @',), 'fail', 'NAPTR and SRV left out'),
    ('naptr', 'sa', ('NAPTR @', 'SRV S', 'A sip1'), 'pass', 'empty NAPTR answer, then SRV'),
    ('naptr', 'sa', ('NAPTR @', 'A @'), 'fail', 'empty NAPTR answer, SRV left out'),
    ('naptr', 'a', ('NAPTR @', 'SRV S', 'A @'), 'pass', 'both empty, then the address'),
    ('naptr', 'nsa', ('NAPTR @', 'SRV S', 'A sip1', 'A sip2', 'SRV O', 'A @'), 'pass',
     'more than needed'),
    ('transport', 'nsa', ('SRV S', 'A sip1', 'A sip2'), 'pass', 'SRV of the transport'),
    ('transport', 'nsa', ('A @',), 'fail', 'SRV of the transport left out'),
    ('transport', 'a', ('SRV S', 'A @'), 'pass', 'empty SRV answer, then the address'),
    ('port', 'nsa', ('A @',), 'pass', 'a port, so the address alone'),
    ('port', 'nsa', ('NAPTR @', 'SRV S', 'A sip1'), 'fail', 'NAPTR despite a port'),
    ('port', 'nsa', ('SRV S', 'A sip1'), 'fail', 'SRV despite a port'),
    ('mode a', 'nsa', ('A @',), 'pass', 'mode a'),
    ('mode a', 'nsa', ('SRV S', 'A sip1'), 'fail', 'SRV in mode a'),
    ('mode srv', 'nsa', ('SRV S', 'A sip1', 'A sip2'), 'pass', 'mode srv'),
    ('mode srv', 'nsa', ('A @',), 'fail', 'address alone in mode srv'),
    ('mode naptr', 'nsa', ('NAPTR @', 'SRV S', 'A sip1'), 'pass', 'mode naptr'),
    ('mode naptr', 'nsa', ('SRV S', 'A sip1'), 'fail', 'SRV first in mode naptr'),
    ('naptr', 'nsa', ('NAPTR @', 'SRV S', 'A sip2'), 'fail', 'the address of the second alone'),
    ('naptr', 'esa', ('NAPTR @', 'NAPTR more', 'SRV S', 'A sip1'), 'pass', 'empty flag, NAPTR again'),
    ('naptr', 'esa', ('NAPTR @', 'SRV S', 'A sip1'), 'fail', 'empty flag, NAPTR not asked again'),
)


def chain(rng, number):
    configured, zone, steps, verdict, note = CHAINS[number % len(CHAINS)]
    phone = Asker(rng, ports=[5060, 5060])
    phone.usual('n' in zone, 's' in zone)
    srv = f'_sip._{phone.transport}'
    if 'e' in zone:
        phone.own += [f'@ NAPTR 10 10 "" "{SERVICE[phone.transport]}" "" more',
                      f'more NAPTR 10 10 "s" "{SERVICE[phone.transport]}" "" {srv}']
    if configured == 'naptr':
        phone.configured(0, 'naptr')
    elif configured == 'port':
        phone.configured(5060)
    else:
        phone.configured(0)
        if configured.startswith('mode'):
            phone.expect('dns.mode', configured.split()[1])
    # The SRV of the other transport is asked only after an empty NAPTR answer, unless told so.
    phone.expect('dns.srv_without_naptr', [phone.transport])
    if rng.random() < 0.3:
        phone.say('phone dhcp')
        phone.wait(0.1)
    phone.ask_all(step.replace(' S', f' {srv}').replace(' O', f' _sip._{OTHER[phone.transport]}')
                  for step in steps)
    phone.register(1 if 'second' in note else 0)
    phone.linger(rng.choice((3, 40)))
    return Case('dns.chain', number, phone, verdict, f'configured by {configured}: {note}')


def naptr(rng, number):
    """Two services; the better one is taken, or the other one."""
    kind = ('lower order', 'higher order', 'lower preference', 'higher preference',
            'unsupported passed over', 'unsupported taken for nothing', 'equal')[number % 7]
    phone = Asker(rng, ports=[5060, 5060])
    best, other = phone.transport, OTHER[phone.transport]
    verdict = 'fail' if kind in ('higher order', 'higher preference') else 'pass'
    if kind.startswith('higher'):
        best, other = other, best
    low = rng.choice((1, 10, 99))
    if 'preference' in kind:
        numbers = ((low, 5), (low, 6))
    elif kind == 'equal':
        numbers = ((low, 5), (low, 5))
    else:
        numbers = ((low, 50), (low + 1, 5))
    services = [(numbers[0], best), (numbers[1], other)]
    if kind == 'unsupported passed over':
        services = [(numbers[0], other), (numbers[1], best)]
        phone.expect('dns.transports', [phone.transport])
    elif kind == 'unsupported taken for nothing':       # all is supported, but one more is not ours
        services.insert(0, ((1, 1), 'tls'))
        phone.expect('dns.transports', ['udp', 'tcp'])
        services[1:] = [((n[0] + 2, n[1]), t) for n, t in services[1:]]
    names = {'udp': ('SIP+D2U', '_sip._udp'), 'tcp': ('SIP+D2T', '_sip._tcp'),
             'tls': ('SIPS+D2T', '_sips._tcp')}
    rows = [f'@ NAPTR {n[0]} {n[1]} "s" "{names[t][0]}" "" {names[t][1]}' for n, t in services]
    rng.shuffle(rows)
    phone.usual(naptr=False)
    phone.own += rows + [f'_sip._{OTHER[phone.transport]} SRV 10 1 5060 sip1',
                         '_sips._tcp SRV 10 1 5061 sip1']
    if rng.random() < 0.5:
        phone.configured(0, 'naptr')
    phone.ask_all(('NAPTR @', f'SRV _sip._{phone.transport}', 'A sip1', 'A sip2'))
    phone.register(0)
    phone.linger(rng.choice((3, 40)))
    return Case('dns.naptr', number, phone, verdict, f'{phone.transport} used: {kind}')


def ttl(rng, number):
    kind = ('early', 'just before', 'within tolerance', 'just after', 'long after', 'asked anew',
            'address asked anew', 'none: asked', 'none: not asked', 'connection kept',
            'unregister', 'in a dialog')[number % 12]
    lifetime = rng.choice((30, 60, 200, 400))
    way = ('tcp',) if kind == 'connection kept' else ('udp', 'udp', 'tcp')
    if kind in ('none: asked', 'none: not asked', 'unregister', 'in a dialog'):
        way = ('udp',)
    phone = Asker(rng, transports=way, expires=1800, address_ttls={0: lifetime, 1: lifetime},
                  ttl=86400, new_calls=False)
    phone.usual()
    verdict = 'fail' if kind in ('just after', 'long after', 'none: not asked') else 'pass'
    if kind.startswith('none'):
        phone.expect('dns.cache', 'none')
    phone.ask_all(('NAPTR @', f'SRV _sip._{phone.transport}', 'A sip1', 'A sip2'))
    known = phone.t - 0.03
    phone.register(0)
    if kind == 'in a dialog':
        phone.call(0, 'long')
    age = {'early': lifetime / 2, 'just before': lifetime - 0.5,
           'within tolerance': lifetime + max(1, lifetime / 10) - 0.3,
           'just after': lifetime + max(1, lifetime / 10) + 0.5,
           'none: asked': lifetime / 2, 'none: not asked': lifetime / 2}.get(kind, lifetime * 2)
    if phone.transport == 'tcp' and kind != 'connection kept':
        phone.say(f'phone -> {phone.server(0)} close', known + age - 3)
    phone.t = known + age
    if kind in ('asked anew', 'none: asked'):
        phone.t -= 0.1
        phone.ask_all((f'SRV _sip._{phone.transport}', 'A sip1'))
    elif kind == 'address asked anew':
        phone.t -= 0.1
        phone.ask_all(('A sip1',))
    if kind == 'unregister':
        phone.register(0, 'reg1', 'expires=0')
    elif kind == 'in a dialog':
        phone.bye(0, 'long')
    else:
        for _ in range(2):
            if kind == 'none: asked':
                phone.ask_all(('A sip1',))
            if rng.random() < 0.5:
                phone.register(0)
            else:
                phone.call(0, seconds=3)
            if phone.transport == 'tcp' and kind == 'long after':
                phone.say(f'phone -> {phone.server(0)} close')
            phone.wait(2)               # not near a packet of the one before that may be lost
            if kind in ('just before', 'within tolerance'):
                break
    phone.linger(5)
    return Case('dns.ttl', number, phone, verdict,
                f'{phone.transport}, TTL {lifetime} s, {age:g} s old: {kind}')


def resilience(rng, number):
    kind = ('repeated', 'another resolver', 'in time', 'too late', 'never again',
            'SERVFAIL, repeated', 'SERVFAIL, another', 'SERVFAIL, never again', 'truncated, tcp',
            'truncated, larger', 'truncated, used', 'SERVFAIL, too late')[number % 12]
    verdict = 'fail' if kind in ('too late', 'never again', 'SERVFAIL, never again',
                                 'truncated, used', 'SERVFAIL, too late') else 'pass'
    phone = Asker(rng, expires=600)
    phone.usual()
    srv = f'_sip._{phone.transport}'
    phone.ask('NAPTR', '@')
    if kind.startswith('truncated'):
        phone.ask('SRV', srv, 'truncated keep=1')
        if kind == 'truncated, tcp':
            phone.ask('SRV', srv, 'tcp')
        elif kind == 'truncated, larger':
            phone.ask('SRV', srv, 'edns=4096')
        phone.wait(0.01)
        phone.ask('A', 'sip1')
        if kind != 'truncated, used':
            phone.ask('A', 'sip2')
    else:
        phone.ask('SRV', srv)
        phone.ask('A', 'sip1')
        failing = 'rcode=SERVFAIL' if 'SERVFAIL' in kind else 'noanswer'
        begun = phone.t
        if kind == 'repeated':
            phone.ask('A', 'sip2', 'at=' + rng.choice(('2', '5', '1,3')))
        elif kind == 'never again' or 'never' in kind:
            phone.ask('A', 'sip2', failing)
            phone.wait(5)                   # it waited for the answer, in vain
        else:
            phone.ask('A', 'sip2', failing)
            # 30 s, and 3 s of tolerance
            late = {'in time': 29, 'too late': 34, 'SERVFAIL, too late': 34}.get(
                kind, rng.choice((1, 5)))
            phone.t = begun + late
            phone.ask('A', 'sip2', 'resolver=dns2' if 'another' in kind else '')
    phone.wait(0.05)
    phone.register(0)
    phone.linger(60)
    return Case('dns.resilience', number, phone, verdict, kind)


GENERATORS = {'dns.chain': chain, 'dns.naptr': naptr, 'dns.ttl': ttl, 'dns.resilience': resilience}
