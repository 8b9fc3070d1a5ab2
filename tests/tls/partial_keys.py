#!/usr/bin/python3
"""A key log that opens only a part of what was said: nothing is concluded from what is missing.

Golden cases over TCP are put on TLS (clear_and_secure.py). Judged with some of the secrets, with
those of one side alone, and with wrong ones, no rule fails that does not fail in the clear, and
none passes that fails there, unless it leaves the rest open.

partial_keys.py --sipvet PATH [--keep FOLDER] [CASE…]
"""

import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))

import tls_capture                         # noqa: E402
from clear_and_secure import asked, contradictions, run, secure    # noqa: E402

SUITES = ('TLS_AES_256_GCM_SHA384', 'ECDHE-RSA-AES128-GCM-SHA256')


def of_side(line, side):
    return line.startswith(side) or line.startswith('CLIENT_RANDOM')


def spoil(line):
    """Another secret of the same length."""
    words = line.split()
    end = '0000' if words[-1].endswith('beef') else 'beef'
    return ' '.join(words[:-1] + [words[-1][:-4] + end])


def wrong(lines, label):
    return [spoil(line) if line.startswith(label) else line for line in lines]


def variants(text):
    """Name and lines of each part."""
    lines = [line for line in text.splitlines() if len(line.split()) == 3]
    randoms = list(dict.fromkeys(line.split()[1] for line in lines))
    v13 = any('TRAFFIC' in line for line in lines)
    if len(randoms) > 1:
        yield 'first connection', [line for line in lines if line.split()[1] == randoms[0]]
        yield 'all but the first', [line for line in lines if line.split()[1] != randoms[0]]
        yield 'last connection', [line for line in lines if line.split()[1] == randoms[-1]]
        yield 'all but the last', [line for line in lines if line.split()[1] != randoms[-1]]
        yield 'every other', [line for line in lines if randoms.index(line.split()[1]) % 2]
    if v13:
        yield 'client', [line for line in lines if of_side(line, 'CLIENT')]
        yield 'server', [line for line in lines if of_side(line, 'SERVER')]
        yield 'handshakes', [line for line in lines if 'HANDSHAKE' in line]
        yield 'data', [line for line in lines if 'TRAFFIC_SECRET_0' in line]
        yield 'data of clients', [line for line in lines if line.startswith('CLIENT_TRAFFIC')]
        yield 'wrong of servers', wrong(lines, 'SERVER_TRAFFIC')
        yield 'wrong of clients', wrong(lines, 'CLIENT_TRAFFIC')
        yield 'wrong of the first server', [
            spoil(line) if line.split()[:2] == ['SERVER_TRAFFIC_SECRET_0', randoms[0]] else line
            for line in lines]
    else:
        yield 'wrong', wrong(lines, 'CLIENT_RANDOM')
        yield 'wrong of the first', [spoil(line) if line.split()[1] == randoms[0] else line
                                     for line in lines]


def try_parts(case, sipvet, folder, suite):
    """The faults of one case, and the number of parts that were tried."""
    made, keys = tls_capture.make(secure(case.scenario.read_text(encoding='utf-8')), case.name,
                                  [suite])
    capture, log = folder / f'{case.name}.pcapng', folder / f'{case.name}.keys'
    capture.write_bytes(made)
    options = [o.replace('tcp', 'tls').replace('5060', '5061') for o in case.options()]
    clear = run(sipvet, case.capture, case.options())
    faults, count = [], 0
    for name, lines in variants(keys.decode()):
        log.write_text('\n'.join(lines) + '\n', encoding='ascii')
        faults += [fault.replace('without keys', f'keys: {name}')
                   for fault in contradictions(run(sipvet, capture, options, log), clear)]
        count += 1
    log.write_bytes(keys)
    return faults, count


def main():
    arguments, sipvet, cases = asked()
    bad = tried = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            for suite in SUITES:
                faults, count = try_parts(case, sipvet, pathlib.Path(arguments.keep or folder),
                                          suite)
                for fault in faults:
                    print(f'{case.name} ({suite}): {fault}')
                bad += bool(faults)
                tried += count
    print(f'{len(cases)} cases with {tried} parts of their keys, {bad} with faults')
    return 1 if bad or (not arguments.names and len(cases) < 20) else 0


if __name__ == '__main__':
    sys.exit(main())
