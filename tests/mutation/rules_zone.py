"""zone.*: the records as promised; one wrong, one missing, one too many."""

from phone import Case
from rules_dns import Asker

RECORDS = (('as promised', 'pass'), ('a priority off by one', 'fail'), ('a weight off by one', 'fail'),
           ('a port off by one', 'fail'), ('one missing', 'fail'), ('one too many', 'fail'),
           ('priorities swapped', 'fail'), ('any priority, swapped', 'pass'),
           ('any priority, not one', 'fail'), ('any priority, the same', 'fail'),
           ('uniform, weights', 'fail'), ('uniform, ports', 'fail'), ('uniform', 'pass'),
           ('weights free', 'pass'))


def zone_records(rng, number):
    kind, verdict = RECORDS[number % len(RECORDS)]
    phone = Asker(rng, servers=4, ports=[5060] * 4, tell_servers=False)
    port = rng.choice((5060, 6000))
    home, away, weight = rng.choice(((10, 20, 50), (10, 200, 1), (1, 2, 10)))
    rows = [[home, weight, port], [home, weight, port], [away, weight, port], [away, weight, port]]
    any_priority = 'any priority' in kind
    sites = [{'name': f'dc{n + 1}', 'priority': None if any_priority else (home, away)[n],
              'weight': weight, 'targets': [f'sip{2 * n + 1}.{phone.domain}',
                                            f'sip{2 * n + 2}.{phone.domain}']} for n in (0, 1)]
    odd = rng.randrange(4)
    step = rng.choice((-1, 1))
    if kind == 'a priority off by one':
        rows[odd][0] += step
    elif kind == 'a weight off by one':
        rows[odd][1] += step
    elif kind == 'a port off by one':
        rows[odd][2] += step
    elif 'swapped' in kind:
        for row in rows:
            row[0] = home + away - row[0]
    elif kind == 'any priority, not one':
        rows[odd][0] = home + away + 5
    elif kind == 'any priority, the same':
        for row in rows:
            row[0] = home
    zone = {'sites': sites, 'port': port}
    if kind.startswith('uniform') or kind == 'weights free':
        zone = {'uniform': kind != 'weights free', 'sites': None, 'port': None}
        if kind in ('uniform, weights', 'weights free'):
            rows[odd][1] += 1
        elif kind == 'uniform, ports':
            rows[odd][2] += 1
    else:
        zone['uniform'] = rng.choice((True, False)) if kind != 'a weight off by one' else False
    phone.expect('zone', zone)
    srv = f'_sip._{phone.transport}'
    phone.usual(srv=False)
    lines = [f'{srv} SRV {" ".join(map(str, row))} sip{n + 1}' for n, row in enumerate(rows)]
    if kind == 'one missing':
        del lines[odd]
    elif kind == 'one too many':
        lines.append(f'{srv} SRV {away} {weight} {port} sip5')
        phone.own.append(f'sip5 {phone.kind} {phone.address(0)}')
    rng.shuffle(lines)
    phone.own += lines
    phone.ask_all(('NAPTR @', f'SRV {srv}', 'A sip1', 'A sip2', 'A sip3', 'A sip4'))
    phone.register(1 if odd == 0 and kind == 'one missing' else 0)
    phone.linger(5)
    return Case('zone.records', number, phone, verdict, kind)


TARGETS = (('all resolve', 'pass'), ('one unknown', 'fail'), ('one without addresses', 'fail'),
           ('one is an alias', 'fail'), ('root beside others', 'fail'), ('root alone', 'pass'),
           ('one is an alias to another', 'fail'))


def zone_targets(rng, number):
    kind, verdict = TARGETS[number % len(TARGETS)]
    phone = Asker(rng, servers=3, ports=[5060] * 3, tell_servers=False,
                  v6=False if 'addresses' in kind else rng.random() < 0.3)
    phone.expect('zone', {'uniform': False, 'sites': None, 'port': None})
    srv = f'_sip._{phone.transport}'
    phone.usual(srv=False)
    odd = rng.randrange(1, 3)
    name = f'sip{odd + 1}'
    phone.own += [f'{srv} SRV {10 * (n + 1)} 1 5060 sip{n + 1}' for n in range(3)]
    addresses = [line for line in phone.own if line.startswith(name + ' ')]
    if kind == 'one unknown' or kind == 'one without addresses' or 'alias' in kind:
        phone.own = [line for line in phone.own if line not in addresses]
    if kind == 'one without addresses':
        phone.own.append(f'{name} TXT "here"')
    elif kind == 'one is an alias':
        phone.own += [f'{name} CNAME real', f'real {phone.kind} {phone.address(odd)}']
    elif kind == 'one is an alias to another':
        phone.own += [f'{name} CNAME sip1']
    elif kind == 'root beside others':
        phone.own.append(f'{srv} SRV 40 1 5060 .')
    elif kind == 'root alone':
        phone.own.append('_sips._tcp SRV 0 0 0 .')
    phone.ask_all(['NAPTR @'] + (['SRV _sips._tcp'] if kind == 'root alone' else [])
                  + [f'SRV {srv}', 'A sip1', 'A sip2', 'A sip3'])
    phone.register(0)
    phone.linger(5)
    return Case('zone.targets', number, phone, verdict, kind)


GENERATORS = {'zone.records': zone_records, 'zone.targets': zone_targets}
