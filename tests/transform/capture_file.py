"""Capture files of golden cases and recordings, read whole: interfaces, frames, times in ns.

What a transformation cannot carry over is refused (Unreadable) rather than lost."""

import struct

PCAP = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}     # magic: nanoseconds of one tick
SECTION, INTERFACE, OBSOLETE, SIMPLE, NAMES, STATISTICS, ENHANCED, SECRETS = \
    0x0A0D0D0A, 1, 2, 3, 4, 5, 6, 10
ORDER_MAGIC = 0x1A2B3C4D


class Unreadable(Exception):
    """Why the file is left alone."""


class Face:
    """An interface, as tests/support/scenario_file.py writes it."""

    def __init__(self, link_number, snaplen=262144, resolution=6, name='eth0', dropped=None):
        self.link_number, self.snaplen, self.resolution = link_number, snaplen, resolution
        self.name, self.dropped = name, dropped
        self.tick, self.offset = (1, 10 ** resolution), 0     # of the file that was read

    def like(self, **changes):
        out = Face(self.link_number, self.snaplen, self.resolution, self.name, self.dropped)
        out.__dict__.update(changes)
        return out


class Frame:
    """One frame: time in ns, interface, bytes as captured, length on the wire, comment."""
    __slots__ = ('t', 'interface', 'data', 'length', 'comment')

    def __init__(self, t, interface, data, length=None, comment=None):
        self.t, self.interface, self.data = t, interface, data
        self.length = len(data) if length is None else length
        self.comment = comment


class Capture:
    def __init__(self, faces, frames, secrets=()):
        self.faces, self.frames, self.secrets = list(faces), list(frames), list(secrets)


def _pcap(data):
    for order in '<>':
        magic, = struct.unpack_from(order + 'I', data)
        if magic in PCAP:
            break
    else:
        raise Unreadable('neither pcap nor pcapng')
    if len(data) < 24:
        raise Unreadable('the file header is cut')
    snaplen, link = struct.unpack_from(order + 'II', data, 16)
    if link >> 28:
        raise Unreadable('frames carry a check sequence')
    frames, at = [], 24
    while at < len(data):
        if at + 16 > len(data):
            raise Unreadable('the last frame is cut')
        sec, part, size, length = struct.unpack_from(order + 'IIII', data, at)
        at += 16
        if at + size > len(data):
            raise Unreadable('the last frame is cut')
        frames.append(Frame(sec * 10 ** 9 + part * PCAP[magic], 0, data[at:at + size], length))
        at += size
    return Capture([Face(link & 0xFFFF, snaplen, 6 if PCAP[magic] == 1000 else 9)], frames)


def _options(order, data):
    at = 0
    while at + 4 <= len(data):
        code, size = struct.unpack_from(order + 'HH', data, at)
        if code == 0:
            return
        yield code, data[at + 4:at + 4 + size]
        at += 4 + (size + 3) // 4 * 4


def _face(order, body):
    link, _, snaplen = struct.unpack_from(order + 'HHI', body)
    face = Face(link, snaplen)
    for code, value in _options(order, body[8:]):
        if code == 2:
            face.name = value.rstrip(b'\0').decode('utf-8', 'replace')
        elif code == 9:
            power = value[0] & 0x7F
            face.tick = (1, 2 ** power if value[0] & 0x80 else 10 ** power)
            face.resolution = 6 if not value[0] & 0x80 and power <= 6 else 9
        elif code == 13:
            raise Unreadable('frames carry a check sequence')
        elif code == 14:
            face.offset = struct.unpack(order + 'q', value)[0]
    return face


def _time(face, high, low):
    top, bottom = face.tick
    return face.offset * 10 ** 9 + (high << 32 | low) * top * 10 ** 9 // bottom


class _Blocks:
    """The walk of a pcapng file; interfaces are numbered on over its sections."""

    def __init__(self, data):
        self.data, self.order, self.first = data, '<', 0
        self.capture = Capture([], [])

    def run(self):
        at = 0
        while at < len(self.data):
            if at + 12 > len(self.data):
                raise Unreadable('the last block is cut')
            kind, = struct.unpack_from(self.order + 'I', self.data, at)
            if kind == SECTION:
                self.order = '<' if self.data[at + 8:at + 12] == b'\x4d\x3c\x2b\x1a' else '>'
                self.first = len(self.capture.faces)
            size, = struct.unpack_from(self.order + 'I', self.data, at + 4)
            if size < 12 or size % 4 or at + size > len(self.data):
                raise Unreadable('a block is damaged')
            self.block(kind, self.data[at + 8:at + size - 4])
            at += size
        return self.capture

    def face(self, index):
        if self.first + index >= len(self.capture.faces):
            raise Unreadable('a frame of no interface')
        return self.first + index

    def block(self, kind, body):
        order, capture = self.order, self.capture
        if kind == INTERFACE:
            capture.faces.append(_face(order, body))
        elif kind == ENHANCED:
            index, high, low, size, length = struct.unpack_from(order + 'IIIII', body)
            self.frame(index, high, low, size, length, body[20:])
        elif kind == OBSOLETE:
            index, _, high, low, size, length = struct.unpack_from(order + 'HHIIII', body)
            self.frame(index, high, low, size, length, body[20:])
        elif kind == SIMPLE:
            raise Unreadable('frames without times')
        elif kind == STATISTICS:
            index, = struct.unpack_from(order + 'I', body)
            for code, value in _options(order, body[12:]):
                if code == 5:
                    capture.faces[self.face(index)].dropped = struct.unpack(order + 'Q', value)[0]
        elif kind == SECRETS:
            kind, size = struct.unpack_from(order + 'II', body)
            capture.secrets.append((kind, body[8:8 + size]))

    def frame(self, index, high, low, size, length, rest):
        index = self.face(index)
        comment = None
        for code, value in _options(self.order, rest[(size + 3) // 4 * 4:]):
            if code == 1:
                comment = value.decode('utf-8', 'replace')
        if size > len(rest):
            raise Unreadable('a block is damaged')
        self.capture.frames.append(Frame(_time(self.capture.faces[index], high, low), index,
                                         rest[:size], length, comment))


def read(data):
    """The capture in these bytes, or Unreadable."""
    if len(data) < 12:
        raise Unreadable('too short for a capture')
    if data[:4] == b'\x0a\x0d\x0d\x0a':
        return _Blocks(data).run()
    return _pcap(data)
