"""fallback.*: two configured servers, both at once or one at a time; probes just early, just late."""

from phone import Case, Phone


class Pair(Phone):
    """A phone with a working server and a fallback server, by address or by name."""

    def __init__(self, rng, registration, **fixed):
        fixed.setdefault('expires', rng.choice((60, 120, 300)))
        fixed.setdefault('new_calls', False)
        fixed.setdefault('moves_under_new_call', False)
        super().__init__(rng, servers=2, find=('configured',), ttl=86400, **fixed)
        self.by_name = rng.random() < 0.5
        self.sets.pop('dns.mode')
        hosts = ['working.example.com', 'fallback.example.com'] if self.by_name \
            else [self.address(0), self.address(1)]
        self.expect('servers', [{'host': host, 'port': self.ports[i], 'transport': self.transport}
                                for i, host in enumerate(hosts)])
        self.expect('fallback.registration', registration)

    def head(self, seed):
        kind = 'AAAA' if self.v6 else 'A'
        return super().head(seed) + (
            ['zone example.com ttl=86400', f'working {kind} {self.address(0)}',
             f'fallback {kind} {self.address(1)}', 'end'] if self.by_name else [])

    def boot(self):
        if self.boots:
            self.say('phone dhcp')
        else:
            self.say('phone arp dns')
        self.wait(0.1)
        if self.by_name:
            for name in ('working', 'fallback'):
                self.say(f'phone dns {"AAAA" if self.v6 else "A"} {name}.example.com')
                self.wait(0.05)


CONCURRENT = (('both', 'pass'), ('the working one alone', 'fail'), ('the fallback one alone', 'fail'),
              ('the fallback one not renewed', 'fail'), ('both, one late', 'pass'))


def concurrent(rng, number):
    kind, verdict = CONCURRENT[number % len(CONCURRENT)]
    phone = Pair(rng, 'concurrent', boots=True)
    phone.boot()
    if kind == 'the fallback one alone':
        phone.register(1, 'r1')
    else:
        phone.register(0, 'r0')
    if 'alone' not in kind:
        phone.wait(3 if 'late' in kind else 0.05)
        phone.register(1, 'r1')
    # What is not renewed runs out twice: a lost answer hides one of the two.
    for turn in range(6 if 'not renewed' in kind else 3):
        phone.wait(phone.expires / 2)
        if kind == 'the fallback one alone':
            phone.register(1, 'r1')
            continue
        phone.register(0, 'r0')
        if 'alone' not in kind and ('not renewed' not in kind or turn == 2):
            phone.register(1, 'r1')
    phone.linger(2)
    return phone, verdict, f'concurrent: {kind}'


SUCCESSIVE = (('one at a time', 'pass'), ('both at once', 'fail'), ('after the failure', 'pass'),
              ('without a failure', 'fail'), ('after it ran out', 'pass'),
              ('before it ran out', 'fail'))


def successive(rng, number):
    kind, verdict = SUCCESSIVE[number % len(SUCCESSIVE)]
    phone = Pair(rng, 'successive', boots=True)
    if 'ran out' in kind:
        phone.expect('fallback.after_expiry', True)
    phone.boot()
    phone.register(0, 'r0')
    granted = phone.t - 2 * phone.rtt
    if kind == 'both at once':
        phone.wait(0.05)
        phone.register(1, 'r1')
    phone.wait(phone.expires / 2)
    if kind in ('one at a time', 'both at once', 'without a failure'):
        # A fault is shown twice: a lost answer of the working server is a failure of it.
        for _ in range(2 if kind == 'without a failure' else 1):
            phone.register(0, 'r0')
            phone.wait(3)
            if kind == 'without a failure':
                phone.register(1, 'r1')
            phone.wait(phone.expires / 2 - 4)
        phone.register(0, 'r0')
    else:
        phone.connects = False
        how = rng.choice(('silent', 'refused'))
        phone.fails('REGISTER', 0, 'r0', how, 3)
        if kind == 'after it ran out':
            phone.t = granted + phone.expires + max(1, phone.expires / 10) * rng.choice((0, 1, 2)) + 1
        phone.register(1, 'r1')
        if kind == 'before it ran out':     # and once more: one lost REGISTER hides one move
            phone.wait(10)
            phone.register(0, 'r0')
            phone.wait(phone.expires / 3)
            phone.fails('REGISTER', 0, 'r0', how, 3)
            phone.register(1, 'r1')
    phone.linger(2)
    return phone, verdict, f'successive: {kind}'


def registration(rng, number):
    maker = (concurrent, successive)[number % 2]
    phone, verdict, note = maker(rng, number // 2)
    return Case('fallback.registration', number, phone, verdict, note)


PROBES = (('exactly', 'pass'), ('just early enough', 'pass'), ('too early', 'fail'),
          ('just late enough', 'pass'), ('too late', 'fail'), ('never', 'fail'),
          ('one left out', 'fail'))


def probe(rng, number):
    """Tries at the working server while the fallback server serves."""
    kind, verdict = PROBES[number % len(PROBES)]
    every = rng.choice((30, 60, 120))
    phone = Pair(rng, 'successive', expires=1200, boots=True)
    phone.expect('fallback.probe_s', every)
    phone.expect('fallback.after_expiry', False)
    phone.boot()
    phone.register(0, 'r0')
    phone.wait(20)
    phone.connects = False
    phone.fails('REGISTER', 0, 'r0', 'silent', 3)
    phone.register(1, 'r1')
    begun = phone.t - phone.rtt
    off = max(1, every / 10)
    # A timer may run from the first or from the last send of a try.
    sending = 3 * phone.t1 if phone.transport == 'udp' else 3
    gap = {'just early enough': every - off + 0.4, 'too early': every - off - 0.4,
           'just late enough': every + off - 0.4, 'too late': every + off + sending + 0.4,
           'one left out': every * 2}.get(kind, every)
    if kind == 'never':
        phone.t = begun + every * 3
        phone.register(1, 'r1')
        phone.linger(5)
        return Case('fallback.probe', number, phone, verdict, f'every {every} s: {kind}')
    phone.connects = True
    # The fault is shown three times at least: a lost packet concerns the interval before it and the
    # one after it, and the others are good.
    rounds = 5
    odd = rng.randrange(1, 3)
    for turn in range(rounds):
        phone.t = begun + (gap if turn >= odd else every)
        begun = phone.t
        phone.silent('REGISTER', 0, 'r0', 3 if phone.transport == 'udp' else 1)
    phone.linger(3)
    return Case('fallback.probe', number, phone, verdict, f'every {every} s, then {gap:g}: {kind}')


GENERATORS = {'fallback.registration': registration, 'fallback.probe': probe}
