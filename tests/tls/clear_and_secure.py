#!/usr/bin/python3
"""What golden cases over TCP are judged to be, they are judged to be over TLS, too.

Each case's scenario is put on TLS, spoken by OpenSSL on both sides (tests/support/tls_capture.py).
With the secrets the verdicts and counts are those of the case in the clear. Without them nothing
that passes or fails in the clear is contradicted: what connections cannot show is inconclusive.

clear_and_secure.py --sipvet PATH [--keep FOLDER] [CASE…]
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))

import golden                              # noqa: E402
import tls_capture                         # noqa: E402
from scenario_text import ScenarioError    # noqa: E402

SUITES = ('TLS_AES_256_GCM_SHA384', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-CHACHA20-POLY1305',
          'ECDHE-RSA-AES256-SHA384', 'AES128-SHA', 'AES256-CCM8', 'ECDHE-ECDSA-AES128-CCM',
          'ECDHE-ECDSA-CAMELLIA128-SHA256', 'NULL-SHA256')
# What TLS itself changes, so that the case is another one.
OTHERWISE = {
    'failover-trigger-fail-challenge-carried-away': 'the handshake begins before the challenge',
    'one-way-requests-only-tcp': 'one side of a handshake gives no keys',
}


def secure(text):
    """A scenario over TCP as one over TLS: transports, ports and service names."""
    out = []
    for line in text.splitlines():
        if line.startswith('transport:'):
            continue
        line = line.replace('SIP+D2T', 'SIPS+D2T').replace('_sip._tcp', '_sips._tcp')
        if ' dns ' not in line or line.startswith('host'):
            line = re.sub(r'\b5060\b', '5061', line)
            line = re.sub(r'(?<![\w.])tcp\b', 'tls', line)
        out.append(line)
        if line.startswith('title:'):
            out.append('transport: tls')
    return '\n'.join(out) + '\n'


def fits(case):
    """Is it about TCP alone, judged by options that can be said of TLS?"""
    text = case.scenario.read_text(encoding='utf-8')
    if case.recorded() or case.name in OTHERWISE or 'open' in case.expected():
        return False
    lines = [line.split('#')[0] for line in text.splitlines()]
    body = '\n'.join(lines)
    over_tcp = re.search(r'^transport: tcp', body, re.M) or \
        (re.search(r' (->|<-).* tcp\b', body) and not re.search(r'^transport:', body, re.M))
    # Segments of chosen sizes, loss and bytes that are no SIP are another matter over TLS.
    odd = re.search(r'\b(split|order|overlap|lost|lost-segments|join|snap|copies|raw|data|crlf|ping'
                    r'|established|tls-\w+|udp)\b|SIP\+D2U|_udp|\bcopies', body)
    odd_options = [o for o in case.options() if '{dir}' in o]
    return bool(over_tcp) and not odd and not odd_options


def say_clear(text):
    """Words of TLS as those of TCP."""
    return text.replace('/tls', '/tcp').replace('SIPS+D2T', 'SIP+D2T') \
        .replace('_sips._tcp', '_sip._tcp').replace('"tls"', '"tcp"').replace('5061', '5060')


def tell(document):
    """Verdicts, counts and attempts, without what another number of frames changes."""
    out = []
    for finding in golden.findings(document):
        out.append((finding['aor'], finding['host'], finding['rule'], finding['verdict'],
                    finding['reason'],
                    [(o['verdict'], json.dumps(o['expected']), counts(o['observed']))
                     for o in finding['occurrences']]))
    return [json.loads(say_clear(json.dumps(out))), json.loads(say_clear(json.dumps(
        golden.story(document))))]


def counts(observed):
    """Times are a handshake later."""
    return {key: value for key, value in observed.items() if not isinstance(value, float)}


def run(sipvet, capture, options, keys=None):
    words = ['--keylog', str(keys)] if keys else []
    done = subprocess.run([sipvet, 'check', '--json', *options, *words, str(capture)],
                          capture_output=True, timeout=120, check=False)
    return json.loads(done.stdout)


def verdicts(document):
    return {(f['host'], f['rule']): f['verdict'] for f in golden.findings(document)}


def compare(case, sipvet, folder, suite):
    """The faults of one case over one suite."""
    text = case.scenario.read_text(encoding='utf-8')
    version = None
    try:
        made, keys = tls_capture.make(secure(text), case.name, [suite], version=version)
    except ScenarioError as error:
        return [f'no scenario over TLS: {error}']
    capture, log = folder / f'{case.name}.pcapng', folder / f'{case.name}.keys'
    capture.write_bytes(made)
    log.write_bytes(keys)
    options = [o.replace('tcp', 'tls').replace('5060', '5061') for o in case.options()]
    clear = run(sipvet, case.capture, case.options())
    faults = []
    for mine, theirs in zip(tell(run(sipvet, capture, options, log)), tell(clear)):
        for index, item in enumerate(theirs):
            if index >= len(mine) or mine[index] != item:
                faults.append(f'with keys: {mine[index] if index < len(mine) else None}\n'
                              f'    in the clear: {item}')
        faults += [f'with keys, too: {item}' for item in mine[len(theirs):]]
    if not suite.startswith('NULL'):
        faults += contradictions(run(sipvet, capture, options), clear)
    return faults


def contradictions(sealed, clear):
    """What is said without keys against what is known in the clear. A rule may pass by what the
    connections show, where it leaves the rest open."""
    known = {(f['host'], f['rule']): f for f in golden.findings(clear)}
    faults = []
    for finding in golden.findings(sealed):
        truth = verdict_of(known, finding)
        open_rest = any(o['verdict'] == 'inconclusive' for o in finding['occurrences'])
        if (finding['verdict'] == 'fail' and truth != 'fail') or \
                (finding['verdict'] == 'pass' and truth == 'fail' and not open_rest):
            faults.append(f'without keys: {finding["rule"]} {finding["verdict"]}; '
                          f'in the clear: {truth}')
    return faults


def verdict_of(known, finding):
    """Of the same host; of the only one, where it is called otherwise as requests are unread."""
    same = known.get((finding['host'], finding['rule']))
    only = [f for (_, rule), f in known.items() if rule == finding['rule']]
    return (same or (only[0] if len(only) == 1 else {'verdict': None}))['verdict']


def asked():
    """The arguments, the absolute path of sipvet, the cases that fit."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--sipvet', required=True)
    parser.add_argument('--keep')
    parser.add_argument('names', nargs='*')
    arguments = parser.parse_args()
    sipvet = str(pathlib.Path(arguments.sipvet).resolve())
    return arguments, sipvet, [case for case in golden.cases(arguments.names) if fits(case)]


def main():
    arguments, sipvet, cases = asked()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for index, case in enumerate(cases):
            faults = compare(case, sipvet, pathlib.Path(arguments.keep or folder),
                             SUITES[index % len(SUITES)])
            for fault in faults:
                print(f'{case.name} ({SUITES[index % len(SUITES)]}): {fault}')
            bad += bool(faults)
    print(f'{len(cases)} cases, {bad} with faults')
    return 1 if bad or (not arguments.names and len(cases) < 20) else 0


if __name__ == '__main__':
    sys.exit(main())
