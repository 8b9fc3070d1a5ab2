"""register.*: challenges answered where and as they were made."""

from phone import Case, Phone

KINDS = (('answered', 'pass'), ('answered elsewhere', 'fail'), ('without credentials', 'fail'),
         ('not answered', 'fail'), ('just long enough', 'pass'), ('one second short', 'fail'),
         ('rejected, gives up', 'pass'), ('rejected, sends again', 'fail'),
         ('stale, sends again', 'pass'), ('after a failover', 'pass'),
         ('after a failover, to the dead', 'fail'), ('423 elsewhere', 'fail'),
         ('longer than asked', 'pass'), ('423 ignored', 'fail'))


def challenge(rng, number):
    kind, verdict = KINDS[number % len(KINDS)]
    phone = Phone(rng, find=('naptr', 'srv', 'configured'), auth='none')
    status = rng.choice((401, 407))
    phone.boot()
    call, here = 'reg1', 0
    if 'failover' in kind:
        phone.fails('REGISTER', 0, call, rng.choice(('silent', 'refused')), rng.randint(1, 3))
        here = 1
    elif rng.random() < 0.5 and 'elsewhere' not in kind:
        phone.register(0, call)
        phone.wait(phone.expires / 2)
        phone.resolve()

    def send(at, options=''):
        phone.say(f'phone -> {phone.server(at)} REGISTER call={call} {options}')

    if '423' in kind or kind in ('just long enough', 'one second short', 'longer than asked'):
        least = phone.expires + rng.choice((60, 1800))
        send(here)
        phone.then(f'<- 423 min-expires={least}')
        asks = {'one second short': least - 1, '423 ignored': phone.expires,
                'longer than asked': least + 1}.get(kind, least)
        phone.wait(rng.choice((0, 0.2)))
        send(1 if kind == '423 elsewhere' else here, f'expires={asks}')
        phone.then(f'<- 200 expires={asks}' if verdict == 'pass' else '<- 403')
        phone.linger(45)
        return Case('register.challenge', number, phone, verdict, kind)
    send(here)
    phone.then(f'<- {status}')
    phone.wait(rng.choice((0, 0.2)))
    if kind == 'without credentials':
        send(here)
        phone.then('<- 403')
    elif kind == 'answered elsewhere':
        send(1, 'auth')
        phone.then('<- 403')
    elif kind == 'after a failover, to the dead':
        send(0, 'auth')
    elif kind != 'not answered':
        send(here, 'auth')
        if 'rejected' in kind or 'stale' in kind:
            phone.then(f'<- {status}' + (' stale' if 'stale' in kind else ''))
            phone.wait(rng.choice((0, 0.2)))
            if kind == 'rejected, sends again':
                # Twice: one lost 401 must not leave a phone that did nothing wrong.
                send(here, 'auth')
                phone.then(f'<- {status}')
                phone.wait(rng.choice((0, 0.2)))
            if 'again' in kind:
                send(here, 'auth')
                phone.then('<- 200' if 'stale' in kind else '<- 403')
        else:
            phone.then('<- 200')
    phone.linger(45)
    return Case('register.challenge', number, phone, verdict, f'{status}: {kind}')


def refresh(rng, number):
    """Renewed just before, at, just after the edges of the part of the lifetime that is allowed."""
    kind, verdict = (('too early', 'fail'), ('just early enough', 'pass'), ('in the middle', 'pass'),
                     ('just in time', 'pass'), ('too late', 'fail'), ('never', 'fail'),
                     ('lapsed', 'fail'), ('any time', 'pass'))[number % 8]
    phone = Phone(rng, find=('naptr', 'srv', 'configured'), expires=rng.choice((60, 120, 300, 600)),
                  ttl=86400)
    low, high = rng.choice(((0.5, 0.8), (0.4, 0.6), (0.25, 0.75)))
    if kind in ('lapsed', 'any time', 'never'):
        low, high = 0, 1
    if rng.random() < 0.9 or low:
        phone.expect('registration.refresh', [low, high])
    granted = phone.expires
    low_s, high_s = low * granted, high * granted
    before, after = max(1, low_s / 10), max(1, high_s / 10)
    at = {'too early': low_s - before - 0.3, 'just early enough': low_s - before + 0.3,
          'in the middle': (low_s + high_s) / 2, 'just in time': high_s + after - 0.3,
          'too late': high_s + after + 0.3, 'lapsed': granted + max(1, granted / 10) + 1,
          'any time': rng.uniform(0.1, 0.95) * granted, 'never': None}[kind]
    phone.start()
    good = (low_s + high_s) / 2
    # The fault is shown twice, with a good renewal between: one lost packet must not leave a phone
    # whose other renewals are good, and each loss concerns one lifetime or two that follow.
    if verdict == 'fail':
        rounds, wrong = rng.choice(((3, (0, 2)), (4, (0, 2)), (4, (0, 3)), (4, (1, 3))))
    else:
        rounds = rng.randint(1, 3)
        wrong = (rng.randrange(rounds),)
    for turn in range(rounds):
        since = phone.t - 2 * phone.rtt             # when the 200 came
        if turn in wrong and at is None:            # to be registered again, a user has to come
            phone.t = since + 2 * granted + 10
        else:
            phone.t = since + (at if turn in wrong else good)
        phone.register(0)
    if at is None:
        phone.t += granted + max(1, granted / 10)
    phone.linger(8)
    return Case('register.refresh', number, phone, verdict,
                f'granted {granted} s, refresh {low} to {high}: {kind}')


GENERATORS = {'register.challenge': challenge, 'register.refresh': refresh}
