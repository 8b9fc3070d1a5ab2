"""failover.*: moves when it must and only then, to the end of the list and no further."""

from phone import Case, Phone, schedule

LISTS = (None, None, ['no-response'], ['no-response', '500-599'], ['503'],
         ['no-response', 'transport-error'], ['no-response', 'transport-error', '503', '486'])
DEFAULT = ['no-response', 'transport-error', '503']
CAUSES = ('silent', 'refused', 503, 500, 486, 403, 404, 408, 480, 603)


def is_listed(cause, words):
    if cause == 'silent':
        return 'no-response' in words
    if cause == 'refused':
        return 'transport-error' in words
    for word in words:
        low, _, high = word.partition('-')
        if low.isdigit() and int(low) <= cause <= int(high or low):
            return True
    return False


def ready(phone, method):
    """At work at the primary; the Call-ID of the request that follows."""
    phone.start()
    phone.wait(phone.expires / 2)
    phone.resolve()
    if method == 'BYE':
        phone.expect('failover.in_dialog', True)
        phone.call(0, 'purpose')
        phone.wait(5)
    return phone.renewal() if method == 'REGISTER' else 'purpose'


def trigger(rng, number):
    phone = Phone(rng, find=('naptr', 'srv', 'configured'))
    method = rng.choice(('REGISTER', 'INVITE', 'INVITE', 'SUBSCRIBE'))
    words = rng.choice(LISTS)
    if words:
        phone.expect('failover.on', words)
    moves = number % 2 == 0
    cause = CAUSES[number // 2 % len(CAUSES)]
    call = ready(phone, method)
    if number % 20 == 19:                   # a challenge, answered elsewhere
        for _ in range(2):                  # whoever has a habit shows it twice
            call = phone.renewal()
            phone.line('REGISTER', 0, call)
            phone.then('<- 401')
            phone.wait(0.1)
            phone.line('REGISTER', 1, call,
                       'auth' if ' auth' not in phone.credentials(call) else '')
            phone.then('<- 200')
            phone.wait(50)
            phone.resolve()
        phone.linger(45)
        return Case('failover.trigger', number, phone, 'fail', 'moves after 401')
    for turn in range(2):                   # whoever has a habit shows it twice
        if turn:
            phone.wait(50)
            phone.resolve()
            call = phone.renewal() if method == 'REGISTER' else 'again'
        if cause == 'silent':
            phone.silent(method, 0, call, rng.randint(2, 4))
        else:
            phone.fails(method, 0, call, cause)
        if moves:
            phone.answered(method, 1, phone.next_call(method, call)
                           if cause in ('silent', 'refused', 503) else call)
    phone.linger(45)
    listed = is_listed(cause, words or DEFAULT)
    return Case('failover.trigger', number, phone, 'pass' if moves == listed else 'fail',
                f'{method} {cause} at the primary, moves on {words or "(default)"}: '
                f'{"moves" if moves else "stays"}')


def completes(rng, number):
    kind = ('the next answers', 'all the way', 'one less', 'none answers', 'stops at the first',
            'round again', 'never leaves')[number % 7]
    phone = Phone(rng, find=('naptr', 'srv', 'configured'))
    method = rng.choice(('REGISTER', 'INVITE', 'BYE', 'SUBSCRIBE'))
    if kind == 'never leaves':
        method = rng.choice(('REGISTER', 'INVITE', 'SUBSCRIBE'))
    call = ready(phone, method)
    verdict = 'fail' if kind in ('one less', 'stops at the first', 'never leaves') else 'pass'
    hows = ('silent', 'refused', 503)
    if kind == 'never leaves':
        for _ in range(4):
            if phone.transport == 'udp':
                phone.line(method, 0, call, 'at=0.5,1.5,3.5')
            else:
                phone.line(method, 0, call, 'at=0.3,0.9,2.1 noack')
            phone.wait(20)
        phone.linger(45)
        return Case('failover.completes', number, phone, verdict, f'{method}: {kind}')
    if kind not in ('the next answers', 'all the way', 'round again'):
        phone.connects = False              # or nothing would tell what the connections were for
    fail = {'the next answers': 1, 'all the way': phone.count - 1, 'one less': phone.count - 1,
            'none answers': phone.count, 'stops at the first': 1, 'round again': phone.count}[kind]
    for at in range(fail):
        if at:
            call = phone.next_call(method, call)
        # More than one try: a lone one that a capture missed would leave no trace.
        phone.fails(method, at, call, rng.choice(hows), rng.randint(2, 3))
    if kind in ('the next answers', 'all the way'):
        phone.answered(method, fail, phone.next_call(method, call))
    elif kind == 'round again':
        phone.answered(method, 0, phone.next_call(method, call))
    phone.linger(45)
    return Case('failover.completes', number, phone, verdict,
                f'{method}, {phone.count} servers: {kind}')


def retry_after(rng, number):
    """Back at the server just before, at, just after the time that it asked for."""
    kind = ('at once', 'half way', 'just before', 'within tolerance', 'exactly', 'just after',
            'never', 'another method at once')[number % 8]
    verdict = 'fail' if kind in ('at once', 'half way', 'just before', 'another method at once') \
        else 'pass'
    method = rng.choice(('REGISTER', 'INVITE'))
    seconds = rng.choice((20, 30, 60, 120, 300))
    phone = Phone(rng, find=('naptr', 'srv', 'configured'), expires=1800, auth='none', ttl=86400)
    call = ready(phone, method)
    phone.line(method, 0, call)
    phone.then(f'<- 503 retry-after={seconds}')
    begun = phone.t
    if method == 'INVITE':
        phone.then(f'-> ACK call={call}')
    phone.wait(0.2)
    phone.answered(method, 1, phone.next_call(method, call))
    if method == 'INVITE':
        phone.wait(2)
        phone.bye(1, phone.next_call(method, call))
    slack = max(1, seconds / 10)
    after = {'at once': 8, 'half way': seconds / 2, 'just before': seconds - slack - 0.3,
             'within tolerance': seconds - slack + 0.3, 'exactly': seconds + 0.02,
             'just after': seconds + 2, 'another method at once': 8}.get(kind)
    if after is not None:
        phone.t = begun + after
        if verdict == 'fail':
            phone.t -= 0.9                  # so that the second is too early as well
        again = method
        if kind == 'another method at once':
            again = 'INVITE' if method == 'REGISTER' else 'REGISTER'
        for name in ('later', 'again'):
            phone.answered(again, 0, phone.renewal() if again == 'REGISTER' else name)
            phone.wait(0.3)
        phone.linger(40)
    phone.t = max(phone.t, begun + seconds + 10)
    phone.linger(5)
    return Case('failover.retry-after', number, phone, verdict,
                f'{method}, 503 with Retry-After {seconds}: back {kind}')


BINDINGS = (
    ('new branch', 'pass'), ('same branch', 'fail'), ('ACK where it belongs', 'pass'),
    ('ACK elsewhere', 'fail'), ('CANCEL where it belongs', 'pass'), ('CANCEL elsewhere', 'fail'),
    ('Via of another own address', 'fail'), ('Via of a public address', 'pass'),
    ('repeated elsewhere', 'fail'), ('CANCEL after a failover', 'pass'),
    ('CANCEL to the dead after a failover', 'fail'))


def binding(rng, number):
    kind, verdict = BINDINGS[number % len(BINDINGS)]
    # Which addresses are its own, a phone's lookups tell.
    phone = Phone(rng, find=('naptr', 'srv') + (() if 'own address' in kind else ('configured',)),
                  auth='none', new_calls=False,
                  transports=('udp',) if 'elsewhere' in kind or 'Via' in kind else
                  ('udp', 'udp', 'tcp'))
    phone.connects = False              # a branch needs a request
    first, second = phone.server(0), phone.server(1)
    phone.start()
    phone.wait(5)
    if kind == 'Via of another own address' and not phone.v6:
        phone.two_addresses = True
        phone.say(f'phone/2 -> {first} OPTIONS call=ping "Contact: <sip:{phone.user}@192.0.2.11>"')
        phone.then('<- 200')
        phone.wait(1)
    if kind in ('new branch', 'same branch') or 'Via' in kind or kind == 'repeated elsewhere':
        method = rng.choice(('REGISTER', 'INVITE'))
        call = 'reg1' if method == 'REGISTER' else 'purpose'
        if kind == 'repeated elsewhere':
            phone.line(method, 0, call, 'at=0.5,1.5')
            phone.say(f'phone -> {second} again', phone.t + 3.5)
            phone.t += 3.6
            phone.then('<- 200')
        else:
            phone.fails(method, 0, call, rng.choice(('silent', 'refused', 503)), 3)
            other = '192.0.2.10' if phone.v6 else '192.0.2.11'
            options = {'same branch': 'branch=same cseq=same',
                       'Via of another own address': f'sent-by={other}:5060',
                       'Via of a public address': 'sent-by=203.0.113.7:5060'}.get(kind, '')
            phone.say(f'phone -> {second} {method} call={call} {options}')
            phone.then('<- 200')
        if method == 'INVITE':
            phone.then(f'-> ACK call={call}')
    elif kind.startswith('ACK'):
        phone.line('INVITE', 0, 'purpose')
        phone.then(f'<- {rng.choice((486, 404, 603, 480))}')
        phone.wait(phone.rtt)
        phone.say(f'phone -> {second if "elsewhere" in kind else first} ACK call=purpose')
    else:
        at = 0
        if 'failover' in kind:
            phone.fails('INVITE', 0, 'purpose', rng.choice(('silent', 503)), 3)
            at = 1
        phone.say(f'phone -> {phone.server(at)} INVITE call=purpose as=call')
        phone.then('<- 180')
        phone.wait(3)
        to = {'CANCEL elsewhere': 1, 'CANCEL to the dead after a failover': 0}.get(kind, at)
        phone.say(f'phone -> {phone.server(to)} CANCEL call=purpose')
        if to == at:
            phone.then('<- 200')
        phone.wait(0.1)
        phone.say('<- 487 to=call')
        phone.wait(phone.rtt)
        phone.say(f'phone -> {phone.server(at)} ACK call=purpose')
    phone.linger(45)
    return Case('failover.binding', number, phone, verdict, f'{phone.transport}: {kind}')


def time(rng, number):
    """The first success elsewhere just before, at, just after the time allowed."""
    off, verdict = ((-2.0, 'pass'), (-0.02, 'pass'), (0.0, 'pass'), (0.02, 'fail'), (2.0, 'fail'))[
        number % 5]
    limit = rng.choice((3, 5, 8, 10, 20))
    phone = Phone(rng, find=('naptr', 'srv', 'configured'), auth='none', moves_under_new_call=False,
                  rtt=0.01, t1=0.5)
    if off == -2.0:
        off = -rng.choice((0.5, 1.0, 2.0))
    phone.expect('failover.max_s', limit)
    method = rng.choice(('REGISTER', 'INVITE', 'SUBSCRIBE'))
    call = ready(phone, method)
    begun = phone.t
    lasts = limit + off
    hops = rng.choice((1, 2)) if phone.count > 2 and limit >= 8 else 1
    for hop in range(hops):
        until = begun + lasts * (hop + 1) / hops - (0.05 if hop == hops - 1 else 0)
        length = until - phone.t
        sends = sum(1 for at in schedule(method, 12) if at < length - 0.2)
        if phone.transport == 'udp':
            phone.silent(method, hop, call, max(1, sends), gap=length)
        else:
            phone.line(method, hop, call, 'at=0.3,0.9,1.6 noack')
            phone.wait(length)
    phone.line(method, hops, call)
    if method == 'INVITE' and rng.random() < 0.5:
        phone.say('<- 180', begun + lasts)
        phone.say('<- 200', begun + lasts + 3)
        phone.then(f'-> ACK call={call}')
    else:
        phone.say('<- 200', begun + lasts)
        if method == 'INVITE':
            phone.then(f'-> ACK call={call}')
    phone.t = begun + lasts
    phone.linger(45)
    return Case('failover.time', number, phone, verdict,
                f'{method} over {phone.transport}: served after {lasts:g} s, allowed {limit}')


FIRSTS = ((True, 'registers', 'pass'), (True, 'does not', 'fail'), (True, 'is refused', 'fail'),
          (False, 'does not', 'pass'), (False, 'registers', 'fail'), (True, 'after it', 'fail'))


def register_first(rng, number):
    wanted, kind, verdict = FIRSTS[number % len(FIRSTS)]
    phone = Phone(rng, find=('naptr', 'srv', 'configured'), moves_under_new_call=False,
                  auth=rng.choice(('none', 'each')))
    phone.expect('failover.register_first', wanted)
    method = rng.choice(('INVITE', 'INVITE', 'SUBSCRIBE', 'MESSAGE'))
    call = ready(phone, method)
    phone.connects = False
    phone.fails(method, 0, call, rng.choice(('silent', 'refused', 503)), rng.randint(2, 3))
    if kind == 'registers':
        phone.register(1, call=phone.renewal())
    elif kind == 'is refused':
        phone.answered('REGISTER', 1, phone.renewal(), 403)
    phone.wait(0.02)
    phone.answered(method, 1, call)
    if kind == 'after it':
        phone.wait(0.5)
        phone.register(1)
    phone.linger(45)
    return Case('failover.register-first', number, phone, verdict,
                f'{method}, register_first {str(wanted).lower()}: {kind}')


ONLY = (('the new server', 'pass'), ('the old one, still registered', 'pass'),
        ('the old one, run out', 'fail'), ('a third', 'fail'), ('the new one, run out', 'fail'),
        ('the new one, renewed', 'pass'), ('unregistered there', 'fail'))


def only_registered(rng, number):
    kind, verdict = ONLY[number % len(ONLY)]
    phone = Phone(rng, servers=3 if kind == 'a third' else None, expires=rng.choice((60, 120, 200)),
                  find=('naptr', 'srv', 'configured'), new_calls=False, moves_under_new_call=False)
    phone.expect('failover.only_registered', True)
    phone.start()
    registered = phone.t
    phone.wait(phone.expires / 2)
    phone.resolve()
    phone.connects = False
    phone.fails('REGISTER', 0, 'reg1', rng.choice(('silent', 'refused', 503)), rng.randint(2, 3))
    phone.register(1, 'reg1')
    moved = phone.t
    slack = max(1, phone.expires / 10)
    if kind == 'unregistered there':
        phone.wait(5)
        phone.register(1, 'reg1', 'expires=0')
        phone.wait(2)
        phone.call(1, seconds=3)
    elif kind in ('the new server', 'a third'):
        phone.wait(5)
        phone.call(1 if kind == 'the new server' else 2, seconds=3)
    elif kind == 'the old one, still registered':
        phone.wait(3)
        phone.call(0, seconds=3)
    elif kind == 'the old one, run out':
        phone.t = registered + phone.expires + slack + 1
        if phone.t > moved + phone.expires / 2:
            phone.t = moved + phone.expires / 2
        phone.t = max(phone.t, registered + phone.expires + slack + 1)
        phone.call(0, seconds=3)
    elif kind == 'the new one, run out':
        phone.t = moved + phone.expires + slack + 1
        phone.call(1, seconds=3)
    else:
        phone.wait(phone.expires / 2)
        phone.register(1, 'reg1')
        phone.t = moved + phone.expires + slack + 1
        phone.call(1, seconds=3)
    phone.linger(5)
    return Case('failover.only-registered', number, phone, verdict, f'a call at {kind}')


RENEWALS = (('at once', 'pass'), ('in time', 'pass'), ('too late', 'fail'), ('never', 'fail'),
            ('after a call', 'fail'), ('in its dialog', 'pass'), ('one of two', 'fail'),
            ('both', 'pass'), ('another event', 'fail'))


def resubscribe(rng, number):
    kind, verdict = RENEWALS[number % len(RENEWALS)]
    phone = Phone(rng, find=('naptr', 'srv', 'configured'), moves_under_new_call=False)
    phone.expect('failover.resubscribe', True)
    phone.start()
    phone.wait(0.5)
    events = ['message-summary', 'dialog'] if kind in ('one of two', 'both') else \
        [rng.choice(('message-summary', 'dialog'))]
    for event in events:
        phone.line('SUBSCRIBE', 0, f'sub-{event}', f'event={event} expires=3600')
        phone.then('<- 200 expires=3600')
        phone.wait(0.1)
    phone.wait(phone.expires / 2)
    phone.resolve()
    call = phone.renewal()
    phone.connects = False
    phone.fails('REGISTER', 0, call, rng.choice(('silent', 'refused', 503)), rng.randint(2, 3))
    phone.register(1, call)
    moved = phone.t - phone.rtt
    if kind == 'after a call':
        phone.wait(0.3)
        phone.call(1, 'early', 1)
    after = {'in time': 4.7, 'too late': 6.5}.get(kind, rng.choice((0.05, 1.0)))
    phone.t = max(phone.t + 0.01, moved + after)
    again = {'one of two': events[:1], 'never': [], 'another event': ['presence']}.get(kind, events)
    for event in again:
        name = f'sub-{event}' if kind == 'in its dialog' else f'again-{event}'
        phone.line('SUBSCRIBE', 1, name, f'event={event} expires=3600')
        phone.then('<- 200 expires=3600')
        phone.wait(0.02)
    phone.linger(20)
    return Case('failover.resubscribe', number, phone, verdict, f'{len(events)} up, renewed {kind}')


GENERATORS = {
    'failover.trigger': trigger, 'failover.completes': completes,
    'failover.retry-after': retry_after, 'failover.binding': binding, 'failover.time': time,
    'failover.register-first': register_first, 'failover.only-registered': only_registered,
    'failover.resubscribe': resubscribe,
}
