"""TCP connections: handshake, data in chosen segments, acknowledgements, the ways to end."""

import struct

from scenario_text import NS, ScenarioError
from scenario_wire import tcp, token

MS = NS // 1000


class Connection:
    """One TCP connection between a client and a server endpoint."""

    def __init__(self, play, client, server, name):
        self.play = play
        self.ends = {True: client, False: server}
        isn = int(token(play.seed, 'isn', name), 16)
        self.seq = {True: isn, False: int(token(play.seed, 'isn', name, 'server'), 16)}
        self.begun = {True: self.seq[True], False: self.seq[False]}
        self.open = False
        self.held = {True: b'', False: b''}
        self.tls = False
        self.upgraded = False
        self.last_segments = {True: [], False: []}

    def side(self, host):
        return self.ends[True].host is host

    def _stamp(self, t, up):
        base = 1000 if up else 500000
        return b'\x01\x01\x08\x0a' + struct.pack('!II', base + t // MS, 0)

    def segment(self, t, up, flags, payload=b'', seq=None, delivery=None, ack=None):
        src, dst = self.ends[up], self.ends[not up]
        seq = self.seq[up] if seq is None else seq
        ack = (self.seq[not up] if ack is None else ack) if 'A' in flags else 0
        if 'S' in flags:
            options = b'\x02\x04\x05\xb4\x04\x02' + self._stamp(t, up)[2:] + b'\x01\x03\x03\x07'
        elif 'R' in flags:
            options = b''
        else:
            options = self._stamp(t, up)
        data = tcp(src.address, src.port, dst.address, dst.port, seq, ack, flags, payload, options,
                   window=0 if 'R' in flags else 64240,
                   fault=self.play.checksum_fault(src.host, delivery))
        return self.play.ip(t, src, dst, 6, data, delivery)

    def handshake(self, t, delivery=None):
        """SYN, SYN/ACK, ACK; the last at t - 1 ms where t is when the first data goes."""
        if t < 3 * MS:
            raise ScenarioError('no room for the TCP handshake before time 0: begin later, '
                                'or write "connect" at its own time')
        self.segment(t - 3 * MS, True, 'S', delivery=delivery)
        self.seq[True] += 1
        self.segment(t - 2 * MS, False, 'SA', delivery=delivery)
        self.seq[False] += 1
        self.segment(t - MS, True, 'A', delivery=delivery)
        self.open = True

    def establish(self):
        """The connection stands already, from before the capture."""
        self.open = True

    def syn(self, t, times, delivery):
        for at in [0] + list(times):
            self.segment(t + at, True, 'S', delivery=delivery)

    def refused(self, t, delivery):
        self.segment(t, True, 'S', delivery=delivery)
        self.segment(t + MS // 2, False, 'RA', seq=0, ack=self.seq[True] + 1, delivery=delivery)

    def reset(self, t, up, delivery):
        self.segment(t, up, 'RA', delivery=delivery)
        self.open = False

    def fin(self, t, up, delivery, whole=True):
        self.segment(t, up, 'FA', delivery=delivery)
        self.seq[up] += 1
        if whole:
            self.segment(t + MS // 2, not up, 'FA', delivery=delivery)
            self.seq[not up] += 1
            self.segment(t + MS, up, 'A', delivery=delivery)
            self.open = False

    def data(self, t, up, payload, delivery, shape):
        """Send bytes in segments of this shape; returns the last frame, None if all wait."""
        payload = self.held[up] + payload
        if shape.join:
            self.held[up] = payload
            return None
        self.held[up] = b''
        bounds = [0] + [b for b in shape.split if 0 < b < len(payload)] + [len(payload)]
        pieces = []
        for begin, end in zip(bounds, bounds[1:]):
            begin = max(0, begin - shape.overlap) if begin else 0
            pieces.append((self.seq[up] + begin, payload[begin:end]))
        order = [n - 1 for n in shape.order] if shape.order else range(len(pieces))
        frame = None
        at = t
        for index, piece in enumerate(order):
            if not 0 <= piece < len(pieces):
                raise ScenarioError(f'order= names segment {piece + 1} of {len(pieces)}')
            seq, data = pieces[piece]
            at = t + index * shape.gap
            if piece + 1 in shape.lost:
                continue
            flags = 'PA' if piece == len(pieces) - 1 else 'A'
            frame = self.segment(at, up, flags, data, seq=seq, delivery=delivery)
        for repeat in shape.repeats:
            for seq, data in pieces:
                frame = self.segment(t + repeat, up, 'PA', data, seq=seq, delivery=delivery)
        self.last_segments[up] = pieces
        self.seq[up] += len(payload)
        if shape.ack:
            self.segment((frame.t if frame else at) + MS // 5, not up, 'A', delivery=delivery)
        return frame
