#!/usr/bin/python3
"""Seeds of the fuzz target tls: sessions of a real client and server, with their secrets.

tls_seeds.py tests/fuzz/corpus/tls: one file for each kind of record protection. Made once and
committed: other bytes come each time.
"""

import pathlib
import ssl
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from tls_capture import Pair    # noqa: E402

KINDS = {
    '1.3': ('TLS_AES_256_GCM_SHA384', None), '1.2-gcm': ('ECDHE-ECDSA-AES128-GCM-SHA256', None),
    '1.2-ccm8': ('AES128-CCM8', None), '1.2-chacha': ('ECDHE-ECDSA-CHACHA20-POLY1305', None),
    '1.2-cbc': ('ECDHE-ECDSA-AES128-SHA256', None), '1.2-null': ('NULL-SHA256', None),
    '1.0-cbc': ('ECDHE-ECDSA-AES128-SHA', ssl.TLSVersion.TLSv1),
}


def block(client, data, gap=False):
    return struct.pack('!BH', (0 if client else 1) | (2 if gap else 0), len(data)) + data


def seed(suite, version, log):
    pair = Pair(suite, 'sip1.example.com', log, version)
    out, client = b'', True
    while data := pair.step(client):
        out += block(client, data)
        client = not client
    out += block(True, pair.send(True, b'REGISTER sip:example.com SIP/2.0\r\n\r\n'))
    pair.send(False, b'lost')
    out += block(False, pair.send(False, b'SIP/2.0 200 OK\r\n\r\n'), gap=True)
    keys = b''.join(dict.fromkeys(line for line in pathlib.Path(log).read_bytes().splitlines(True)
                                  if line[:1] != b'#'))
    return struct.pack('!H', len(keys)) + keys + out


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, (suite, version) in KINDS.items():
        with tempfile.TemporaryDirectory() as temporary:
            data = seed(suite, version, str(pathlib.Path(temporary) / 'keys'))
            (folder / name).write_bytes(data)


if __name__ == '__main__':
    main()
