"""retry.*: one try less, exactly as many, one more; moved on just before, at, just after the time.

retry.intervals: gaps within and beyond a quarter, repetitions where there must be none.
"""

from phone import Case, Phone, schedule


def bounds(rng, low, high):
    """The tries promised: (what the expectation says, least, most)."""
    least = rng.randint(low, high)
    if rng.random() < 0.4:
        return [least, least + 1], least, least + 1
    return least, least, least


def tries_around(number, least, most):
    """One less, exactly (least, most), one more: (tries, what it is)."""
    return ((least - 1, 'one less'), (least, 'exactly'), (most, 'exactly'),
            (most + 1, 'one more'))[number % 4]


def reach(phone, method, call):
    """The phone is at work at its primary, ready to send a request of this method."""
    # A configured server that never takes a connection, before any other request, shows nowhere as
    # the account's: without names, failed connections alone do not say whose they are.
    nameless = phone.transport == 'tcp' and phone.find == 'configured'
    if method == 'REGISTER' and phone.rng.random() < 0.4 and not nameless:
        phone.boot()
        return phone.renewal()
    phone.start()
    phone.wait(phone.rng.uniform(3, 8))
    if method == 'REGISTER':
        phone.wait(phone.expires / 2)
        phone.resolve()
        return phone.renewal()
    if method == 'BYE':
        phone.call(0, call)
        phone.wait(phone.rng.uniform(2, 8))
    return call


def once_more(phone, method):
    """Some time later the phone has the same to do again."""
    phone.wait(phone.rng.uniform(8, 20))
    name = f'again{phone.number("again")}'
    phone.resolve()
    if method == 'BYE':
        phone.call(0, name)
        phone.wait(5)
        return name
    return phone.renewal() if method == 'REGISTER' else name


def counted(method, key, rng, number):
    """A silent server, given up after so many tries for the next one, or for good."""
    last = method != 'BYE' and number % 12 == 4
    # Over TCP an attempt at the last server ends with its timer, however often it was tried.
    phone = Phone(rng, servers=2 if last else None, find=('naptr', 'srv', 'configured'),
                  transports=('udp',) if last else ('udp', 'udp', 'tcp'))
    if phone.transport == 'tcp':
        phone.t1 = 0.5
        phone.sets.pop('retry.t1_s', None)
    if method == 'BYE':
        phone.expect('failover.in_dialog', True)
    highest = {0.5: 5, 1.0: 3 if method == 'INVITE' else 5}[phone.t1]
    if method == 'INVITE':
        highest = min(highest, 4)
    if phone.transport == 'tcp':
        highest = 4                         # six tries of 4.5 s end before 64*T1
    promise, least, most = bounds(rng, 3 if last else 2, highest)
    tries, what = tries_around(number, least, most)
    phone.expect(f'{key}.tries', 2 if last else promise)
    if last:
        phone.expect(f'{key}.last_tries', promise)
    call = reach(phone, method, 'purpose')
    for turn in range(3 if last else 2):    # whoever has a habit shows it more than once
        if turn:
            call = once_more(phone, method)
        phone.silent(method, 0, call, 2 if last else tries)
        call = phone.next_call(method, call)
        if last:
            phone.silent(method, 1, call, tries)
            phone.wait(40)
        else:
            phone.answered(method, 1, call)
    phone.linger(45)
    verdict = 'pass' if least <= tries <= most else 'fail'
    return phone, verdict, f'{method} over {phone.transport}: {tries} tries, promised {promise}' \
        f'{" at the last server" if last else ""}: {what}'


def by_transaction(method, key, rng, number):
    """`unit` transaction: what is repeated within one does not count."""
    phone = Phone(rng, transports=('udp',), t1=0.5)
    promise, least, most = bounds(rng, 2, 3)
    tries, what = tries_around(number, least, most)
    if method == 'BYE':
        phone.expect('failover.in_dialog', True)
    phone.expect('retry.unit', 'transaction')
    phone.expect(f'{key}.tries', promise)
    call = reach(phone, method, 'purpose')
    for _ in range(tries):
        phone.line(method, 0, call, rng.choice(('at=0.5', 'at=0.5,1.5')))
        phone.wait(4.3)
    phone.answered(method, 1, phone.next_call(method, call))
    phone.linger(45)
    verdict = 'pass' if least <= tries <= most else 'fail'
    return phone, verdict, f'{method}: {tries} transactions, promised {promise}: {what}'


def timed(method, key, rng, number):
    """The move just before, at, just after give_up_s and its tolerance."""
    phone = Phone(rng, t1=0.5)
    if method == 'BYE':
        phone.expect('failover.in_dialog', True)
    least = rng.choice((4, 8, 16, 30))
    most = least + rng.choice((0, 2)) if least < 30 else least
    phone.expect(f'{key}.give_up_s', least if least == most else [least, most])
    before, after = max(1, least * 0.1), max(1, most * 0.1)
    lasted = (least - before - 0.1, least - before + 0.1, least, most, most + after - 0.1,
              most + after + 0.1)[number % 6]
    call = reach(phone, method, 'purpose')
    sends = sum(1 for at in schedule(method, 12) if at < lasted - 0.2)
    if phone.transport == 'udp':
        phone.silent(method, 0, call, sends, gap=lasted)
    else:
        phone.line(method, 0, call, 'at=0.3,0.9,2.1 noack')
        phone.wait(lasted)
    phone.answered(method, 1, phone.next_call(method, call))
    phone.linger(45)
    verdict = 'fail' if number % 6 in (0, 5) else 'pass'
    return phone, verdict, f'{method} over {phone.transport} moved on after {lasted:g} s, ' \
        f'promised {least} to {most}'


def retry(rule, methods):
    """The generator of a retry rule."""
    def generate(rng, number):
        method = rng.choice(methods)
        kind = number % 20
        key = rule
        maker = timed if kind in (3, 9, 15) else by_transaction if kind in (6, 17) else counted
        phone, verdict, note = maker(method, key, rng, number // 20 + number)
        return Case(rule, number, phone, verdict, note)
    return generate


def intervals(rng, number):
    """Gaps of a transaction that is sent more than once."""
    phone = Phone(rng, transports=('udp',) if number % 10 < 9 else ('tcp',), tell_servers=False)
    method = rng.choice(('REGISTER', 'INVITE', 'SUBSCRIBE'))
    kind = ('exact', 'a fifth late', 'a fifth early', 'a third late', 'a third early',
            'every half second', 'after a provisional', 'after the answer',
            'provisional obeyed', 'over tcp')[number % 10]
    verdict = 'pass' if kind in ('exact', 'a fifth late', 'a fifth early', 'provisional obeyed') \
        else 'fail'
    phone.start()
    phone.wait(phone.expires / 2)
    phone.resolve()
    call = phone.renewal() if method == 'REGISTER' else 'purpose'
    if kind == 'over tcp':
        repeated_over_tcp(phone, method, call)
        return Case('retry.intervals', number, phone, verdict, f'{method}: {kind}')
    told = phone.t1 != 0.5 or rng.random() < 0.5
    if told:
        phone.expect('retry.t1_s', phone.t1)
    sends = rng.randint(3, 5)
    gaps = [b - a for a, b in zip(schedule(method, sends, phone.t1),
                                  schedule(method, sends, phone.t1)[1:])]
    which = rng.randrange(0 if told else 1, len(gaps))
    factor = {'a fifth late': 1.2, 'a fifth early': 0.8, 'a third late': 1.33,
              'a third early': 0.67}.get(kind, 1)
    gaps[which] *= factor
    if kind == 'every half second':
        gaps = [phone.t1] * max(3, len(gaps))
    offsets, at = [], 0.0
    for gap in gaps:
        at += gap
        offsets.append(round(at, 6))
    for turn in range(2):                   # whoever has a habit shows it twice
        if turn:
            phone.wait(20)
            phone.resolve()
            call = phone.renewal() if method == 'REGISTER' else 'again'
        if kind == 'after the answer':
            after_the_answer(phone, method, call, offsets)
        elif kind in ('after a provisional', 'provisional obeyed'):
            method = after_a_provisional(phone, kind == 'provisional obeyed', call)
        else:
            phone.line(method, 0, call, 'at=' + ','.join(f'{o:g}' for o in offsets))
            phone.wait(offsets[-1] + 0.2)
            answer(phone, method, call)
    phone.linger(40)
    return Case('retry.intervals', number, phone, verdict,
                f'{method}, T1 {phone.t1} s, gap {which + 1} of {len(gaps)}: {kind}')


def answer(phone, method, call):
    phone.say('<- 403')
    if method == 'INVITE':
        phone.then(f'-> ACK call={call}')


def after_the_answer(phone, method, call, offsets):
    """The server answers the first send; the phone repeats it all the same."""
    at = ','.join(f'{o:g}' for o in offsets)
    phone.line(method, 0, call, f'at={at}')
    begun = phone.t
    phone.say('<- 403', begun + 0.1)
    if method == 'INVITE':
        phone.say(f'-> ACK call={call}', begun + 0.12)
    phone.t = begun + offsets[-1] + 0.5


def after_a_provisional(phone, obeyed, call):
    """An INVITE is not repeated once there was a provisional response."""
    begun = phone.t
    t1 = phone.t1
    sends = [t1] if obeyed else [t1, 3 * t1]
    phone.line('INVITE', 0, call, 'at=' + ','.join(f'{s:g}' for s in sends))
    phone.say('<- 100', begun + t1 * 1.5)
    phone.say('<- 180', begun + t1 * 1.5 + 0.1)
    phone.say('<- 486', begun + 6)
    phone.say(f'-> ACK call={call}', begun + 6.05)
    phone.t = begun + 6.1
    return 'INVITE'


def repeated_over_tcp(phone, method, call):
    """The same message once more, byte for byte, on the same connection."""
    phone.line(method, 0, call)
    begun = phone.t
    phone.say(f'phone -> {phone.server(0)} again', begun + phone.t1)
    phone.t = begun + phone.t1 + 0.1
    answer(phone, method, call)
    phone.linger(40)


GENERATORS = {
    'retry.register': retry('retry.register', ('REGISTER',)),
    'retry.invite': retry('retry.invite', ('INVITE',)),
    'retry.bye': retry('retry.bye', ('BYE',)),
    'retry.other': retry('retry.other', ('SUBSCRIBE', 'MESSAGE', 'OPTIONS')),
    'retry.intervals': intervals,
}
