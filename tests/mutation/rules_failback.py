"""failback.*: back just too early, just in time, just too late; with a call up or none."""

from phone import Case, Phone

# A fault beside which the phone does something right is shown twice: a lost packet that hides one
# of them must not leave a phone that does no wrong.


def moved(phone, method='REGISTER'):
    """At the second server, after the primary failed once; returns when that succeeded."""
    call = phone.renewal() if method == 'REGISTER' else 'moved'
    how = phone.rng.choice(('silent', 'refused', 503))
    phone.connects = False
    phone.fails(method, 0, call, how, phone.rng.randint(2, 3))
    call = phone.next_call(method, call)
    phone.answered(method, 1, call)
    success = phone.t - phone.rtt
    if method == 'INVITE':
        success -= phone.rtt
        phone.wait(1)
        phone.bye(1, call)
    return success


def new_request(phone, method, at):
    """One new request, answered at the server of a rank."""
    if method == 'REGISTER':
        phone.register(at)
    else:
        phone.call(at, seconds=1)


def slack(seconds):
    return max(1, seconds / 10)


def make(rng, **fixed):
    fixed.setdefault('ttl', 86400)
    fixed.setdefault('expires', 7200)
    phone = Phone(rng, find=fixed.pop('find', ('naptr', 'srv', 'configured')), **fixed)
    if rng.random() < 0.5:
        phone.expect('failback.idle_only', True)
    return phone


def each_time(rng, number):
    """new-requests: the primary first, each time."""
    kind, verdict = (('back', 'pass'), ('stays', 'fail'), ('back at the second', 'fail'))[number % 3]
    phone = make(rng, expires=rng.choice((60, 300)))
    phone.expect('failback.mode', 'new-requests')
    phone.start()
    phone.wait(phone.expires / 2)
    phone.resolve()
    moved(phone, rng.choice(('REGISTER', 'INVITE')))
    phone.wait(rng.uniform(6, 20))
    method = rng.choice(('REGISTER', 'INVITE'))
    if kind == 'back':
        new_request(phone, method, 0)
    else:
        for _ in range(2 if kind == 'back at the second' else 1):
            new_request(phone, method, 1)
            phone.wait(6)
        if kind == 'back at the second':
            new_request(phone, method, 0)
    phone.linger(8)
    return phone, verdict, f'new-requests, {method}: {kind}'


AROUND = (('too early', 0), ('just in time', 0), ('before its time', 1), ('just before too late', 1),
          ('too late', 1), ('long after', 0))


def around(kind, deadline):
    """When, after the deadline's beginning, and whether that is right."""
    off = slack(deadline)
    return {'too early': (deadline - off - 0.4, 'fail'),
            'just in time': (deadline - off + 0.4, 'pass'),
            'before its time': (deadline / 2, 'pass'),
            'just before too late': (deadline + off - 0.4, 'pass'),
            'too late': (deadline + off + 0.4, 'fail'),
            'long after': (deadline + 2 * off + 5, 'pass')}[kind]


def after_duration(rng, number):
    kind, at = AROUND[number % len(AROUND)]
    timeout = rng.choice((60, 120, 600, 1800))
    told = timeout
    if timeout == 60 and rng.random() < 0.5:
        told = rng.choice((1, 30, 59))          # which act as 60
    phone = make(rng)
    phone.expect('failback.mode', 'duration')
    phone.expect('failback.timeout_s', told)
    phone.start()
    after, verdict = around(kind, timeout)
    method = rng.choice(('REGISTER', 'INVITE'))
    for _ in range(2 if kind == 'too early' else 1):
        phone.wait(20)
        begun = moved(phone)
        if rng.random() < 0.4 and after > 40:
            phone.t = begun + 15
            phone.call(1, seconds=2)
        phone.t = begun + after
        new_request(phone, method, at)
    if kind == 'too late':
        phone.wait(60)
        new_request(phone, method, at)
    if verdict == 'pass' and at:        # and back when its time has come
        phone.t = begun + timeout + 2 * slack(timeout)
        new_request(phone, method, 0)
    phone.linger(8)
    return phone, verdict, f'duration {told} s, {method} after {after:g} s at {at + 1}: {kind}'


def starts_anew(rng, number):
    """A failed try to go back starts the time anew."""
    kind, at = (('too early', 0), ('long after', 0), ('before its time', 1),
                ('too late', 1))[number % 4]
    timeout = rng.choice((60, 120))
    phone = make(rng, moves_under_new_call=False)
    phone.expect('failback.mode', 'duration')
    phone.expect('failback.timeout_s', timeout)
    phone.start()
    after, verdict = around(kind, timeout)
    if kind == 'too late':
        after += 1                      # from the end of the try
    for _ in range(2 if kind == 'too early' else 1):
        phone.wait(20)
        begun = moved(phone)
        phone.t = begun + timeout
        call = phone.renewal()
        tried = phone.t
        phone.fails('REGISTER', 0, call, 'refused')
        phone.answered('REGISTER', 1, call)
        phone.t = tried + after
        new_request(phone, 'REGISTER', at)
    if kind == 'too late':
        phone.wait(60)
        new_request(phone, 'REGISTER', at)
    if verdict == 'pass' and at:
        phone.t = tried + timeout + 2 * slack(timeout)
        new_request(phone, 'REGISTER', 0)
    phone.linger(8)
    return phone, verdict, f'duration {timeout} s, tried in vain, {after:g} s later at {at + 1}: ' \
        f'{kind}'


def never(rng, number):
    kind, at, verdict = (('stays', 1, 'pass'), ('goes back', 0, 'fail'))[number % 2]
    phone = make(rng)
    phone.expect('failback.mode', 'duration')
    phone.expect('failback.timeout_s', 0)
    phone.start()
    phone.wait(20)
    begun = moved(phone)
    phone.t = begun + rng.choice((70, 400, 3700))
    new_request(phone, rng.choice(('REGISTER', 'INVITE')), at)
    phone.linger(8)
    return phone, verdict, f'duration 0: {kind}'


def until_ttl(rng, number):
    kind, at = AROUND[number % len(AROUND)]
    lifetime = rng.choice((100, 200, 400))
    # Fresh lookups and a new Call-ID long before the registration ends would be a restart.
    phone = make(rng, find=('naptr', 'srv'), address_ttls={i: lifetime for i in range(4)},
                 new_calls=False, moves_under_new_call=False)
    phone.expect('failback.mode', 'dns-ttl')
    phone.start()
    known = phone.resolved + 0.04
    phone.wait(lifetime / 4)
    moved(phone)
    after, verdict = around(kind, lifetime)
    if kind == 'before its time':
        after = lifetime * 0.7
    phone.t = known + after
    if after >= lifetime:
        phone.t -= 0.15
        phone.lookup()
    method = rng.choice(('REGISTER', 'INVITE'))
    new_request(phone, method, at)
    if verdict == 'pass' and at:
        phone.t = known + lifetime + 2 * slack(lifetime) + 3
        phone.lookup()
        new_request(phone, method, 0)
    phone.linger(8)
    return phone, verdict, f'dns-ttl {lifetime} s, {method} after {after:g} s at {at + 1}: {kind}'


def until_renewal(rng, number):
    kind, verdict = (('renewed at the primary', 'pass'), ('renewed at the second', 'fail'),
                     ('call at the second, renewed at the primary', 'pass'),
                     ('call at the primary', 'fail'), ('twice at the second', 'fail'))[number % 5]
    phone = make(rng, expires=rng.choice((60, 120, 300)), new_calls=False,
                 moves_under_new_call=False)
    phone.expect('failback.mode', 'registration')
    phone.start()
    phone.wait(phone.expires / 2)
    begun = moved(phone)
    if kind.startswith('call'):
        phone.t = begun + phone.expires / 5
        phone.call(0 if 'at the primary' in kind.split(',')[0] else 1, seconds=2)
    phone.t = begun + phone.expires * rng.choice((0.5, 0.8))
    phone.resolve()
    phone.register(0 if 'renewed at the primary' in kind else
                   1 if 'second' in kind else 0)
    if kind == 'twice at the second':
        phone.t += phone.expires / 2
        phone.register(1)
    phone.linger(8)
    return phone, verdict, f'registration: {kind}'


def sticky(rng, number):
    kind, verdict = (('stays', 'pass'), ('goes back', 'fail'), ('back when it fails', 'pass'),
                     ('restarts', 'pass'))[number % 4]
    phone = make(rng, expires=rng.choice((60, 300)), new_calls=False, moves_under_new_call=False,
                 auth=rng.choice(('none', 'each')))
    phone.expect('failback.mode', 'sticky')
    phone.start()
    phone.wait(phone.expires / 2)
    phone.resolve()
    moved(phone)
    for _ in range(rng.randint(1, 3)):
        phone.wait(phone.expires / 2)
        phone.resolve()
        phone.register(1)
    phone.wait(phone.expires / 2)
    phone.resolve()
    if kind == 'stays':
        phone.call(1, seconds=2)
    elif kind == 'goes back':
        for again in range(2):
            if again:
                phone.wait(10)
                moved(phone)
                phone.wait(10)
            phone.resolve()
            new_request(phone, rng.choice(('REGISTER', 'INVITE')), 0)
    elif kind == 'back when it fails':
        phone.fails('REGISTER', 1, 'reg1', rng.choice(('silent', 'refused', 503)), 2)
        phone.answered('REGISTER', 0, 'reg1')
    else:
        phone.say('phone dhcp')
        phone.wait(2)
        if phone.find != 'configured':
            phone.lookup()
        phone.register(0, call='reborn')
    phone.linger(8)
    return phone, verdict, f'sticky: {kind}'


MODES = (each_time, after_duration, until_ttl, until_renewal, sticky, starts_anew, never)


def mode(rng, number):
    phone, verdict, note = MODES[number % len(MODES)](rng, number // len(MODES))
    return Case('failback.mode', number, phone, verdict, note)


IDLE = (('idle', 'pass'), ('a call up', 'fail'), ('a call just over', 'pass'),
        ('a call ringing', 'fail'), ('a subscription up', 'pass'), ('a call just begun', 'fail'))


def idle(rng, number):
    kind, verdict = IDLE[number % len(IDLE)]
    how = ('duration', 'dns-ttl', 'registration')[number // len(IDLE) % 3]
    phone = Phone(rng, find=('naptr', 'srv', 'configured') if how != 'dns-ttl' else ('naptr', 'srv'),
                  expires=120 if how == 'registration' else 7200, ttl=86400,
                  address_ttls={i: 200 for i in range(4)} if how == 'dns-ttl' else {},
                  new_calls=False, moves_under_new_call=False)
    phone.expect('failback.mode', how)
    phone.expect('failback.idle_only', True)
    phone.expect('failback.timeout_s', 120)
    phone.start()
    known = phone.t
    for turn in range(2 if verdict == 'fail' else 1):
        phone.wait(40)
        begun = moved(phone)
        deadline = {'duration': begun + 122, 'dns-ttl': known + 206,
                    'registration': begun + 61}[how]
        phone.t = begun + 5
        long, ringing = f'long{turn}', f'ringing{turn}'
        if kind == 'a subscription up':
            phone.line('SUBSCRIBE', 1, 'sub', 'expires=3600')
            phone.then('<- 200 expires=3600')
        elif kind == 'a call up':
            phone.call(1, long)
        elif kind == 'a call just over':
            phone.call(1, long)
            phone.t = deadline - 0.5
            phone.bye(1, long)
        phone.t = deadline
        if kind == 'a call ringing':
            phone.line('INVITE', 1, ringing, f'as={ringing}')
            phone.then('<- 180')
            phone.wait(1)
        elif kind == 'a call just begun':
            phone.call(1, long)
            phone.wait(0.2)
        if how == 'dns-ttl':
            phone.lookup()
            known = phone.t
        phone.register(0)
        if kind == 'a call ringing':
            phone.wait(1)
            phone.say(f'<- 486 to={ringing}')
            phone.then(f'phone -> {phone.server(1)} ACK call={ringing}')
        elif kind in ('a call up', 'a call just begun'):
            phone.wait(2)
            phone.bye(1, long)
    phone.linger(8)
    return Case('failback.idle', number, phone, verdict, f'{how}: {kind}')


def flapping(rng, number):
    """Changes of server just before, at, just after the least time between them."""
    kind = ('at once', 'just too soon', 'just in time', 'exactly', 'later', 'soon again')[number % 6]
    verdict = 'fail' if kind in ('at once', 'just too soon', 'soon again') else 'pass'
    dwell = rng.choice((30, 60, 120, 300))
    phone = Phone(rng, find=('naptr', 'srv', 'configured'), expires=7200, ttl=86400, auth='none')
    phone.expect('failback.min_dwell_s', dwell)
    method = rng.choice(('REGISTER', 'INVITE'))
    phone.start()
    phone.wait(20)
    begun = moved(phone, 'REGISTER')
    after = {'at once': 8, 'just too soon': dwell - slack(dwell) - 0.5,
             'just in time': dwell - slack(dwell) + 0.5, 'exactly': dwell + 0.1,
             'later': dwell + 20, 'soon again': dwell + 20}[kind]
    if kind == 'soon again':
        method = 'REGISTER'             # a call alone moves no registration
    phone.t = begun + after - (phone.rtt if method == 'REGISTER' else 0.5 + 3 * phone.rtt)
    if method == 'REGISTER':
        phone.register(0)
        back = phone.t
    else:
        back = phone.t
        phone.call(0, seconds=1)
    # And not because it had to: to and fro, as an answer that is lost hides the change before it,
    # and makes the one after it longer.
    for at in (1, 0, 1, 0, 1, 0) if kind == 'soon again' else ():
        phone.t = max(phone.t + 1, back + dwell / 2)
        phone.register(at)
        back = phone.t
    phone.linger(8)
    return Case('failback.flapping', number, phone, verdict,
                f'min_dwell_s {dwell}, back after {after:g} s: {kind}')


GENERATORS = {'failback.mode': mode, 'failback.idle': idle, 'failback.flapping': flapping}
