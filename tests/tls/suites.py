#!/usr/bin/python3
"""Every kind of record protection, every cut: the same SIP messages as in the clear.

One scenario is spoken by OpenSSL over each suite that Python can choose, and over TLS 1.0 to 1.3,
with and without encrypt-then-MAC (RFC 7366) and an extended master secret (RFC 7627), messages
longer than a record, and records split over segments. `show --messages` must tell the messages that
were written, and no others; where keys go by RSA, by the premaster secret alone, too.
"""

import argparse
import json
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))

import tls_capture                    # noqa: E402

# What Python does not name: SSL_OP_NO_ENCRYPT_THEN_MAC, SSL_OP_NO_EXTENDED_MASTER_SECRET.
NO_ENCRYPT_THEN_MAC, NO_EXTENDED_MASTER_SECRET = 1 << 19, 1 << 0
SCENARIO = '''
transport: tls
host phone 192.0.2.10
host sip1  192.0.2.1
account alice@example.com
0.1   phone -> sip1 REGISTER
      <- 401
      -> REGISTER auth split=50,300
      <- 200
1     phone -> sip1 INVITE "X-Long: {long}" split=1400,2800,9000,16500
      <- 180
      <- 200 split=1
      -> ACK
'''.replace('{long}', 'x' * 20000)
# (method or status) of what goes over the wire, in order.
MESSAGES = ['REGISTER', 401, 'REGISTER', 200, 'INVITE', 180, 200, 'ACK']


def suites():
    """(suite, version, encrypt-then-MAC) that the library can speak with the certificates here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers('ALL:COMPLEMENTOFALL:!PSK:!SRP:!ADH:!AECDH:!DSS:@SECLEVEL=0')
    for cipher in context.get_ciphers():
        name = cipher['name']
        if cipher['protocol'] == 'TLSv1.3' or 'DHE-RSA' in name and name.startswith('DHE'):
            continue
        yield name, None, True
        if re.search(r'-SHA\d*$', name) and not re.search('GCM|CCM|CHACHA|NULL', name):
            yield name, None, False
        if name.endswith('-SHA'):
            yield name, ssl.TLSVersion.TLSv1, True
            yield name, ssl.TLSVersion.TLSv1, False
            yield name, ssl.TLSVersion.TLSv1_1, True
    yield 'TLS_AES_256_GCM_SHA384', None, True


def tell(sipvet, *words):
    done = subprocess.run([sipvet, 'show', '--messages', *map(str, words)], capture_output=True,
                          check=False, timeout=60)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def frame_counts(suite, version):
    """Before TLS 1.1 an empty record goes before each of CBC (against guessing its IV): it is what
    the first segment of one byte begins."""
    chained = version == ssl.TLSVersion.TLSv1 and 'NULL' not in suite
    return [1, 1, 3, 1, 5, 1, 1 if chained else 2, 1]


def check(sipvet, folder, suite, version, encrypt_then_mac, retried=False):
    build = tls_capture.context

    def changed(server, *arguments):
        made = build(server, *arguments)
        if not encrypt_then_mac:
            made.options |= NO_ENCRYPT_THEN_MAC | NO_EXTENDED_MASTER_SECRET
        if server and retried:
            made.set_ecdh_curve('prime256v1')     # the client guesses X25519
        return made

    tls_capture.context = changed
    try:
        capture, keys = tls_capture.make(SCENARIO, suite, [suite], version=version)
    finally:
        tls_capture.context = build
    path, log = folder / 'capture.pcapng', folder / 'keys'
    path.write_bytes(capture)
    log.write_bytes(keys)
    told = tell(sipvet, path, '--keylog', log)
    faults = []
    if [m['status'] or m['method'] for m in told] != MESSAGES:
        faults.append(f'told {[m["status"] or m["method"] for m in told]}')
    elif any(m['notes'] or m['transport'] != 'tls' for m in told):
        faults.append(f'notes or transport: {[(m["transport"], m["notes"]) for m in told]}')
    elif [len(m['frames']) for m in told] != frame_counts(suite, version):
        faults.append(f'frames {[m["frames"] for m in told]}')
    faults += by_premaster(sipvet, path, log, keys, told)
    sealed = tell(sipvet, path)
    if bool(sealed) != ('NULL' in suite):
        faults.append(f'{len(sealed)} messages without the keys')
    return faults


def by_premaster(sipvet, path, log, keys, told):
    """RSA key exchange: the same by the premaster secret alone, with and without RFC 7627."""
    lines = [line for line in keys.splitlines() if line.startswith(b'RSA ')]
    if not lines:
        return []
    log.write_bytes(b'\n'.join(lines[:1]) + b'\n')
    same = tell(sipvet, path, '--keylog', log) == told
    return [] if same else ['not the same by the premaster secret']


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--sipvet', required=True)
    sipvet = str(pathlib.Path(parser.parse_args().sipvet).resolve())
    count = bad = 0
    with tempfile.TemporaryDirectory() as folder:
        # The last one: with a HelloRetryRequest (RFC 8446 4.1.4).
        for way in [*suites(), ('TLS_AES_256_GCM_SHA384', None, True, True)]:
            faults = check(sipvet, pathlib.Path(folder), *way)
            for fault in faults:
                print(f'{way}: {fault}')
            count += 1
            bad += bool(faults)
    print(f'{count} ways of TLS, {bad} with faults')
    return 1 if bad or count < 20 else 0


if __name__ == '__main__':
    sys.exit(main())
