"""What else is on the wire: RTP, STUN, DHCP, TLS records."""

import struct

from scenario_wire import token, token_bytes


def rtp(seed, stream, number):
    """One RTP packet of 20 ms of G.711 (RFC 3550)."""
    ssrc = int(token(seed, 'ssrc', stream), 16)
    head = struct.pack('!BBHII', 0x80, 0, number & 0xFFFF, (number * 160) & 0xFFFFFFFF, ssrc)
    return head + bytes([0xD5]) * 160


def stun(seed, name, response=False, address=None, port=0):
    """A STUN binding request or its answer (RFC 5389)."""
    ident = token_bytes(12, seed, 'stun', name)
    body = b''
    if response:
        value = bytes(a ^ b for a, b in zip(address.packed, b'\x21\x12\xa4\x42' + ident))
        family = 1 if address.version == 4 else 2
        body = struct.pack('!HHBBH', 0x0020, 4 + len(value), 0, family, port ^ 0x2112) + value
    return struct.pack('!HHI', 0x0101 if response else 0x0001, len(body), 0x2112A442) + ident + body


def dhcp(kind, seed, mac, address, server):
    """A DHCP message (RFC 2131): kind discover, offer, request or ack."""
    number = {'discover': 1, 'offer': 2, 'request': 3, 'ack': 5}[kind]
    reply = kind in ('offer', 'ack')
    zero = b'\0' * 4
    ident = int(token(seed, 'dhcp', mac), 16)
    out = struct.pack('!BBBBIHH', 2 if reply else 1, 1, 6, 0, ident, 0, 0) + zero \
        + (address.packed if reply else zero) + zero + zero + mac + b'\0' * 10
    out += b'\0' * 192 + b'\x63\x82\x53\x63' + bytes([53, 1, number])
    if reply:
        out += bytes([54, 4]) + server.packed + bytes([51, 4]) + struct.pack('!I', 86400)
    elif kind == 'request':
        out += bytes([50, 4]) + address.packed + bytes([54, 4]) + server.packed
    return out + b'\xff' + b'\0' * 8


def tls_record(kind, body):
    return struct.pack('!BHH', kind, 0x0303, len(body)) + body


def _session(seed, name):
    return b'\x20' + token_bytes(32, seed, 'session', name)


def client_hello(seed, name, sni):
    """A TLS 1.2 ClientHello with a server name, resuming a session (so no certificates follow)."""
    host = sni.encode()
    names = struct.pack('!HBH', len(host) + 3, 0, len(host)) + host
    extensions = struct.pack('!HH', 0, len(names)) + names
    extensions += bytes.fromhex('000a00040002001d' '000b00020100' '000d000400020401' '00170000')
    body = b'\x03\x03' + token_bytes(32, seed, 'client', name) + _session(seed, name) \
        + bytes.fromhex('0004c02fc030' '0100') + struct.pack('!H', len(extensions)) + extensions
    return tls_record(22, b'\x01' + struct.pack('!I', len(body))[1:] + body)


def finished(seed, name, client):
    """ChangeCipherSpec and an encrypted Finished."""
    return tls_record(20, b'\x01') + tls_record(22, token_bytes(40, seed, 'fin', name, client))


def server_hello(seed, name):
    """ServerHello that takes the session up, ChangeCipherSpec, Finished."""
    body = b'\x03\x03' + token_bytes(32, seed, 'server', name) + _session(seed, name) \
        + bytes.fromhex('c02f00')
    return tls_record(22, b'\x02' + struct.pack('!I', len(body))[1:] + body) \
        + finished(seed, name, False)


def application_data(seed, name, number, length):
    """One record of opaque application data (the plain length and 24 bytes of AEAD)."""
    return tls_record(23, token_bytes(length + 24, seed, 'data', name, number))


ALERTS = {'close': 0, 'unexpected': 10, 'handshake': 40, 'certificate': 42, 'expired': 45,
          'unknown-ca': 48, 'internal': 80, 'version': 70}


def alert(name):
    return tls_record(21, bytes([1 if name == 'close' else 2, ALERTS[name]]))
