"""order.*: the right server, one too early or too late in the list; the right port, one beside."""

import math

from phone import Case, Phone


def priority(rng, number):
    kind = ('first', 'second first', 'next', 'skips one', 'back to the first', 'call elsewhere',
            'passes a dead one over', 'tries the dead one twice')[number % 8]
    verdict = 'fail' if kind in ('second first', 'skips one', 'call elsewhere',
                                 'tries the dead one twice') else 'pass'
    phone = Phone(rng, servers=rng.choice((3, 4)) if 'skips' in kind or 'twice' in kind else None,
                  find=('naptr', 'srv', 'configured'), ttl=rng.choice((25, 25, 300)))
    method = rng.choice(('REGISTER', 'INVITE'))
    how = rng.choice(('silent', 'refused', 503))
    if kind == 'second first':
        phone.boot()
        phone.register(rng.randrange(1, phone.count))
        phone.wait(5)
        phone.say('phone dhcp')             # or it would be right to stay at the server in use
        phone.wait(0.1)
        if phone.find != 'configured':
            phone.lookup()
        phone.register(rng.randrange(1, phone.count), phone.renewal())
        phone.linger(40)
        return Case('order.priority', number, phone, verdict, kind)
    phone.start()
    for turn in range(3):               # whoever has a habit shows it more than once
        phone.wait(phone.expires / 2)
        phone.resolve()
        one_choice(phone, kind, method, how, turn)
    phone.linger(40)
    return Case('order.priority', number, phone, verdict,
                f'{method}, {phone.count} servers, primary {how}: {kind}')


def one_choice(phone, kind, method, how, turn):
    rng = phone.rng
    if kind == 'call elsewhere':
        phone.answered('INVITE', rng.randrange(1, phone.count), f'elsewhere{turn}')
        # At its primary again: or the next call would be right where this one was answered.
        phone.wait(1)
        phone.resolve()
        phone.register(0)
        return
    call = phone.renewal() if method == 'REGISTER' else f'purpose{turn}'
    if kind == 'first':
        phone.answered(method, 0, call)
    else:
        # More than one try: a lone one that a capture missed would leave no trace.
        phone.fails(method, 0, call, how, rng.randint(2, 3))
        over = phone.next_call(method, call)
        if kind == 'skips one':
            phone.answered(method, rng.randrange(2, phone.count), over)
        elif kind == 'tries the dead one twice':
            phone.fails(method, 1, over, how, rng.randint(2, 3))
            phone.answered(method, 0, over)
        else:
            phone.answered(method, 1, over)
            # A REGISTER long before its time, under a new Call-ID, would be a restart.
            phone.wait(phone.expires / 2 if method == 'REGISTER' else min(phone.expires / 2, 60))
            phone.resolve()
            at = {'next': None, 'back to the first': 0, 'passes a dead one over': 1}[kind]
            if at is not None:
                phone.answered(method, at, phone.renewal() if method == 'REGISTER'
                               else f'again{turn}')


def transport(rng, number):
    kind = ('as recorded', 'one port up', 'the default port', 'the other transport', 'configured',
            'beside the configured', 'none given', 'none given, one up')[number % 8]
    verdict = 'pass' if kind in ('as recorded', 'configured', 'none given') else 'fail'
    by_address = kind in ('configured', 'beside the configured', 'none given', 'none given, one up')
    port = 5060 if 'none' in kind else rng.choice((5070, 5080, 15060))
    phone = Phone(rng, find=('a',) if by_address else ('naptr', 'srv', 'configured'),
                  ports=[port] * 4 if kind != 'as recorded' or rng.random() < 0.5 else None)
    if 'none' in kind:
        phone.expect('dns.mode', 'a')
        phone.expect('servers', [{'host': phone.domain, 'port': 0, 'transport': phone.transport}])
    actual = {'one port up': port + 1, 'the default port': 5060, 'beside the configured': port + 2,
              'none given, one up': 5061}.get(kind)
    phone.boot()
    if actual or kind == 'the other transport':
        other = {'udp': 'tcp', 'tcp': 'udp'}[phone.transport] if not actual else phone.transport
        phone.say(f'phone -> {phone.server(0)}{f":{actual}" if actual else ""} REGISTER {other}')
        phone.then('<- 200')
    else:
        phone.register(0)
        phone.wait(5)
        if rng.random() < 0.5:
            phone.call(0, seconds=4)
    phone.linger(40)
    return Case('order.transport', number, phone, verdict, f'{phone.transport}, port {port}: {kind}')


def highest_first(rng, number):
    """The target of the greatest weight, or another one; so again when it fails."""
    kind = ('the highest', 'not the highest', 'then the next', 'then not the next',
            'one of equals')[number % 5]
    verdict = 'fail' if 'not' in kind else 'pass'
    count = 3 if kind == 'then not the next' else rng.choice((2, 3, 4))
    weights = rng.sample((1, 2, 5, 10, 50, 100), count)
    if kind == 'one of equals':
        weights = [max(weights)] * 2 + weights[2:]
    order = sorted(range(count), key=lambda i: -weights[i])
    phone = Phone(rng, servers=count, priorities=[10] * count, weights=weights,
                  ttl=rng.choice((25, 25, 300)))
    phone.expect('dns.weight', 'highest-first')
    phone.expires = 60
    phone.boot()
    for turn in range(3):               # whoever has a habit shows it more than once
        if turn and kind == 'not the highest':
            phone.say('phone dhcp')     # or it would be right to stay at the server in use
            phone.wait(0.1)
            phone.lookup()
        if kind in ('the highest', 'one of equals'):
            phone.register(order[0] if kind == 'the highest' else rng.randrange(2))
        elif kind == 'not the highest':
            phone.register(order[rng.randrange(1, count)])
        else:
            call = phone.renewal()
            phone.fails('REGISTER', order[0], call, rng.choice(('silent', 'refused', 503)), 2)
            phone.answered('REGISTER', order[1 if kind == 'then the next' else 2],
                           phone.next_call('REGISTER', call))
        phone.wait(45)
        phone.resolve()
    phone.linger(40)
    return Case('order.weight', number, phone, verdict, f'weights {weights}: {kind}')


class Office(Phone):
    """Phones that ask the same name: who registers where is given."""

    def __init__(self, rng, weights, choices):
        super().__init__(rng, servers=len(weights), find=('srv',), weights=weights,
                         priorities=[10] * len(weights), v6=False, agent='Example Phone 1.0')
        self.aors = {f'sip:u{n}@{self.domain}' for n in range(len(choices))}
        self.choices = choices

    def head(self, seed):
        out = [line for line in super().head(seed) if not line.startswith('account ')]
        for n in range(len(self.choices)):
            host = 'phone' if n == 0 else f'phone{n}'
            if n:
                out.append(f'host {host} 192.0.2.{100 + n}')
            out.append(f'account u{n}@{self.domain} host={host}')
        return out

    def play(self):
        for n, choice in enumerate(self.choices):
            host = 'phone' if n == 0 else f'phone{n}'
            self.say(f'{host} resolve {self.domain} mode=srv transports={self.transport}')
            self.wait(0.1)
            self.say(f'{host} -> {self.server(choice)} REGISTER')
            self.then('<- 200')
            self.wait(0.3)
        self.linger(2)


def chance(count, total, share):
    """The probability of a share that is no nearer to what the weights say (chi-square)."""
    off = (count - total * share) ** 2
    return math.erfc(math.sqrt((off / (total * share) + off / (total * (1 - share))) / 2))


def shares(rng, number):
    """Many phones: shares that fit, shares just within and just beyond what chance allows."""
    # Large ones: RFC 2782 draws from 0 to the sum, which shifts the shares of small weights.
    weights = rng.choice(([100, 100], [100, 300], [200, 100], [500, 200]))
    total = rng.randint(36, 60)
    kind = ('just what the weights say', 'just within chance', 'just beyond chance',
            'all the same')[number // 8 % 4]
    light = weights.index(min(weights))
    share = weights[light] / sum(weights)
    count = round(total * share)
    if kind == 'all the same':
        count = total
    elif kind != 'just what the weights say':
        while chance(count, total, share) >= 0.0003:
            count += 1
        if kind == 'just within chance':
            count -= 1
        while kind == 'just beyond chance' and chance(count, total, share) > 0.000001:
            count += 1
    choices = [light] * count + [1 - light] * (total - count)
    rng.shuffle(choices)
    phone = Office(rng, weights, choices)
    phone.play()
    return Case('order.weight', number, phone, 'fail' if kind in ('just beyond chance',
                                                                 'all the same') else 'pass',
                f'weights {weights}, {count} of {total} at sip{light + 1}: {kind}')


def weight(rng, number):
    return shares(rng, number) if number % 8 == 7 else highest_first(rng, number)


GENERATORS = {'order.priority': priority, 'order.weight': weight, 'order.transport': transport}
