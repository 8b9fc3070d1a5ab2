"""WebSocket bytes (RFC 6455, RFC 7118): the opening handshake, messages in frames."""

import base64
import hashlib
import struct

from scenario_wire import token, token_bytes

GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
FIN, CONTINUATION, TEXT, BINARY, PING, MASKED = 0x80, 0, 1, 2, 9, 0x80


def handshake(seed, name, host):
    """The request to switch protocols, and the consent."""
    key = base64.b64encode(token_bytes(16, seed, 'websocket', name)).decode()
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode(), usedforsecurity=False).digest())
    request = (f'GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
               f'Sec-WebSocket-Key: {key}\r\nOrigin: http://{host}\r\n'
               'Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n')
    consent = ('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
               f'Sec-WebSocket-Accept: {accept.decode()}\r\nSec-WebSocket-Protocol: sip\r\n\r\n')
    return request.encode(), consent.encode()


def frame(first, payload, mask):
    length = len(payload)
    masked = MASKED if mask else 0
    head = bytes([first])
    if length < 126:
        head += bytes([masked | length])
    elif length < 65536:
        head += bytes([masked | 126]) + struct.pack('!H', length)
    else:
        head += bytes([masked | 127]) + struct.pack('!Q', length)
    if mask:
        payload = bytes(c ^ mask[i % 4] for i, c in enumerate(payload))
    return head + (mask or b'') + payload


def message(seed, name, index, up, payload, binary, fragments, pinged):
    """One message in so many fragments, where asked for with a ping after the first."""
    step = -(-len(payload) // fragments)
    pieces = [payload[at:at + step] for at in range(0, len(payload), step)] or [b'']
    out = b''
    for i, piece in enumerate(pieces):
        mask = bytes.fromhex(token(seed, 'mask', name, index, i, length=8)) if up else None
        opcode = CONTINUATION if i else BINARY if binary else TEXT
        out += frame((FIN if i + 1 == len(pieces) else 0) | opcode, piece, mask)
        if pinged and not i:
            out += frame(FIN | PING, b'', mask)
    return out
