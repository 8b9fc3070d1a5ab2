#!/usr/bin/python3
"""Compile a scenario with real TLS: each connection is spoken by OpenSSL on both sides.

tls_capture.py captures/NAME makes capture.pcapng of a golden case whose scenario says how, in a
comment line:

    # tls: SUITE… [keylog | inside] [tickets]

SUITE is OpenSSL's name (TLS_AES_128_GCM_SHA256, ECDHE-RSA-AES128-GCM-SHA256 …); the connections
take them in turn. `keylog`: the secrets go to keylog.txt beside the capture; `inside`: into the
capture, as a Decryption Secrets Block; neither: nowhere. `keys=1,3`: those of the first and the
third connection alone; `side=client`: those of one side of TLS 1.3 alone. `only=RSA`: the lines with
that label alone (RSA: the premaster secrets of RSA key exchange, as NSS logs them). `session-ids`:
up to TLS 1.2 the sessions have IDs, no tickets, and the master secrets are logged by those.
`fails=1:distrust,3:uncertified`: these handshakes fail: `distrust`, the client does not know who
signed the server's certificate; `uncertified`, the server wants a certificate that the client does
not have; `version`, the server does not speak TLS below 1.3. As TLS is random, other bytes come each
time: such a capture is made once and committed.

The certificates in tls/ are for this alone; they were made by

    openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=sip1.example.com
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \\
        -subj /CN=sip1.example.com
"""

import pathlib
import ssl
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from scenario_file import encode               # noqa: E402
from scenario_play import Play                 # noqa: E402
from scenario_stage import MS, Shape           # noqa: E402
from scenario_text import Options, read_lines  # noqa: E402

TLS = pathlib.Path(__file__).resolve().parent / 'tls'


def context(server, suite, version, log):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if not suite.startswith('TLS_'):
        made.maximum_version = version or ssl.TLSVersion.TLSv1_2
        made.set_ciphers(f'{suite}:@SECLEVEL=0')
    elif suite.startswith('TLS_AES_128_CCM'):
        raise ValueError(f'{suite}: Python cannot choose it')
    made.minimum_version = version or (ssl.TLSVersion.TLSv1_3 if suite.startswith('TLS_')
                                       else ssl.TLSVersion.TLSv1_2)
    if server:
        made.load_cert_chain(TLS / 'rsa.pem')
        made.load_cert_chain(TLS / 'ecdsa.pem')
        made.num_tickets = 0
    made.keylog_filename = log
    return made


class Pair:
    """A client and a server that speak TLS with each other in memory. fails: how the handshake
    does; None: it holds; 'session-ids': it does, without tickets."""

    def __init__(self, suite, name, log, version=None, fails=None):
        self.bios = {}
        self.ends = {}
        for client in (True, False):
            bios = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.bios[client] = bios
            # TLS 1.3 suites cannot be chosen by Python's ssl: the client offers all of them, and
            # the server takes its first.
            made = context(not client, suite, version, log)
            if (client, fails) in ((True, 'distrust'), (False, 'uncertified')):
                made.verify_mode = ssl.CERT_REQUIRED
            elif (client, fails) == (False, 'version'):
                made.maximum_version = made.minimum_version = ssl.TLSVersion.TLSv1_3
            if fails == 'session-ids':
                made.options |= ssl.OP_NO_TICKET
            self.ends[client] = made.wrap_bio(bios[0], bios[1], server_side=not client,
                                              server_hostname=name if client else None)

    def step(self, client):
        """What this end sends, now that it has read all; the other end is given it."""
        try:
            self.ends[client].do_handshake()
        except ssl.SSLError:
            pass  # it has to wait, or it failed, and says so in an alert
        return self.pass_on(client)

    def pass_on(self, client):
        data = self.bios[client][1].read()
        self.bios[not client][0].write(data)
        return data

    def send(self, client, payload):
        self.ends[client].write(payload)
        return self.pass_on(client)


class TlsPlay(Play):
    """A Play whose TLS is real. The suites are taken in turn."""

    def __init__(self, name, suites, log, version=None, fails=None):
        super().__init__(name)
        self.suites, self.log, self.version = suites, log, version
        self.fails = fails or {}
        self.made = 0
        self.pairs = []

    def secure(self, t, link):
        suite = self.suites[self.made % len(self.suites)]
        self.made += 1
        link.pair = Pair(suite, link.ends[False].host.name + '.example.com', self.log,
                         self.version, self.fails.get(self.made) or self.fails.get(0))
        self.pairs.append(link.pair)
        shape = Shape(self, Options([]))
        at, client = t - 8 * MS, True
        while data := link.pair.step(client):
            link.data(at, client, data, None, shape)
            client = not client
            at += MS
        link.tls = True

    def sealed(self, link, up, payload):
        if not hasattr(link, 'pair'):
            return super().sealed(link, up, payload)
        return link.pair.send(up, payload)


def secrets_block(text):
    """A Decryption Secrets Block of the pcapng format, for a little-endian section."""
    body = struct.pack('<II', 0x544C534B, len(text)) + text + b'\0' * (-len(text) % 4)
    return struct.pack('<II', 10, 12 + len(body)) + body + struct.pack('<I', 12 + len(body))


def make(text, name, suites, inside=False, version=None, keep=None, fails=None):
    """(the capture, the key log). keep: of these connections alone, counted from 1. fails: how
    handshakes do, by the same count; 0: all others."""
    with tempfile.TemporaryDirectory() as folder:
        log = str(pathlib.Path(folder) / 'keys')
        stage = TlsPlay(name, suites, log, version, fails)
        stage.run(read_lines(text, name))
        capture = encode(stage.format, stage.interfaces, stage.finish())
        keys = pathlib.Path(log).read_bytes() if pathlib.Path(log).exists() else b''
    # Both sides log the same.
    lines = list(dict.fromkeys(line for line in keys.splitlines(True) if line[:1] != b'#'))
    if keep:
        randoms = list(dict.fromkeys(line.split()[1] for line in lines))
        lines = [line for line in lines if randoms.index(line.split()[1]) + 1 in keep]
    keys = b''.join(lines)
    if fails and fails.get(0) == 'session-ids':
        keys = b''.join(b'RSA Session-ID:%s Master-Key:%s\n' %
                        (pair.ends[True].session.id.hex().encode(), line.split()[2])
                        for pair, line in
                        zip(stage.pairs, (line for line in lines if line[:4] != b'RSA ')))
    if inside:
        header = struct.unpack('<I', capture[4:8])[0]
        capture = capture[:header] + secrets_block(keys) + capture[header:]
    return capture, keys


def make_case(folder):
    folder = pathlib.Path(folder)
    text = (folder / 'scenario.txt').read_text(encoding='utf-8')
    words = next(line.split(':', 1)[1].split() for line in text.splitlines()
                 if line.startswith('# tls:'))
    suites = [word for word in words if word not in ('keylog', 'inside', 'session-ids')
              and '=' not in word]
    keep = [int(n) for word in words if word.startswith('keys=') for n in word[5:].split(',')]
    fails = dict((int(n), how) for word in words if word.startswith('fails=')
                 for n, how in (one.split(':') for one in word[6:].split(',')))
    if 'session-ids' in words:
        fails[0] = 'session-ids'
    capture, keys = make(text, folder.name, suites, 'inside' in words, keep=keep, fails=fails)
    for label in (word[5:].encode() + b' ' for word in words if word.startswith('only=')):
        keys = b''.join(line for line in keys.splitlines(True) if line.startswith(label))
    for side in (word[5:].upper().encode() for word in words if word.startswith('side=')):
        keys = b''.join(line for line in keys.splitlines(True) if line.startswith(side))
    (folder / 'capture.pcapng').write_bytes(capture)
    if 'keylog' in words:
        (folder / 'keylog.txt').write_bytes(keys)


def main():
    for folder in sys.argv[1:]:
        make_case(folder)
    if not sys.argv[1:]:
        print(__doc__.split('\n\n', maxsplit=1)[0], file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
