"""The same frames in other files: formats, compression, several sections, several files."""

import bz2
import ctypes
import functools
import gzip
import lzma
import struct

import scenario_file
from capture_file import ENHANCED, INTERFACE, OBSOLETE, ORDER_MAGIC, SECRETS, SECTION, STATISTICS

SECOND = 10 ** 9


def _block(order, kind, body):
    body += b'\0' * (-len(body) % 4)
    size = struct.pack(order + 'I', 12 + len(body))
    return struct.pack(order + 'I', kind) + size + body + size


def _options(order, *pairs):
    out = b''
    for code, value in pairs:
        out += struct.pack(order + 'HH', code, len(value)) + value + b'\0' * (-len(value) % 4)
    return out + (b'\0\0\0\0' if pairs else b'')


def pcap(form):
    """One of the formats of tests/support/scenario_file.py that know one link type."""
    return lambda faces, frames, _secrets: [scenario_file.encode(form, faces, frames)]


def pcap_modified(faces, frames, _secrets):
    """Alexey Kuznetsov's format: interface, protocol and packet type in each frame's header."""
    out = [struct.pack('<IHHiIII', 0xA1B2CD34, 2, 4, 0, 0, 262144, faces[0].link_number)]
    for frame in frames:
        out.append(struct.pack('<IIIIIHBB', frame.t // SECOND, frame.t % SECOND // 1000,
                               len(frame.data), frame.length, 2, 0x0800, 0, 0) + frame.data)
    return [b''.join(out)]


class Ng:
    """A pcapng file, block by block. tick: units a second (a power of ten, as if_tsresol writes it,
    or of two); shift: if_tsoffset."""

    def __init__(self, order='<', digits=9, binary=None, shift=0, obsolete=False, chatty=False,
                 records=False, fcs=None):
        self.order, self.shift, self.obsolete, self.chatty = order, shift, obsolete, chatty
        self.resolution = bytes([digits if binary is None else 0x80 | binary])
        self.units = 10 ** digits if binary is None else 2 ** binary
        self.records, self.fcs = records, fcs

    def section(self, faces):
        out = _block(self.order, SECTION, struct.pack(self.order + 'IHHq', ORDER_MAGIC, 1, 0, -1)
                     + (_options(self.order, (3, b'Other System 1.0'), (4, b'a recorder'))
                        if self.chatty else b''))
        for face in faces:
            options = [(2, face.name.encode()), (9, self.resolution)]
            if self.fcs is not None:
                options.append((13, bytes([self.fcs])))
            if self.shift:
                options.append((14, struct.pack(self.order + 'q', self.shift)))
            if self.chatty:
                options += [(1, b'a comment'), (12, b'Other System 1.0'), (0x8BAD, b'unknown')]
            out += _block(self.order, INTERFACE, struct.pack(
                self.order + 'HHI', face.link_number, 0, face.snaplen) + _options(self.order,
                                                                                 *options))
        return out

    def frame(self, frame):
        # Rounded up: a reader that rounds down is back where it was.
        stamp = -(-(frame.t - self.shift * SECOND) * self.units // SECOND)
        data = frame.data + b'\0' * (-len(frame.data) % 4)
        options = [(1, frame.comment.encode())] if frame.comment else []
        if self.obsolete:
            return _block(self.order, OBSOLETE, struct.pack(
                self.order + 'HHIIII', frame.interface, 0xFFFF, stamp >> 32, stamp & 0xFFFFFFFF,
                len(frame.data), frame.length) + data + _options(self.order, *options))
        if self.chatty:
            options += [(2, struct.pack(self.order + 'I', 1)), (1, b'another'), (0x8BAD, b'x')]
        return _block(self.order, ENHANCED, struct.pack(
            self.order + 'IIIII', frame.interface, stamp >> 32, stamp & 0xFFFFFFFF,
            len(frame.data), frame.length) + data + _options(self.order, *options))

    def others(self, number):
        """Blocks that are to be passed over, every seventh frame. With records some that Wireshark
        numbers as if they were frames: custom blocks, a journal entry."""
        order = self.order
        if number % 7:
            return b''
        names = struct.pack(order + 'HH', 1, 9) + b'\xc0\0\2\1sip1\0\0\0\0' + b'\0\0\0\0'
        out = _block(order, 4, names) + _block(order, 0x7EAD, b'nobody knows')
        if self.records:
            custom = struct.pack(order + 'I', 32473) + b'custom data'
            out += _block(order, 0xBAD, custom) + _block(order, 0x40000BAD, custom) \
                + _block(order, 9, b'__REALTIME_TIMESTAMP=1\nMESSAGE=hello\n')
        return out

    def end(self, faces):
        out = b''
        for index, face in enumerate(faces):
            if face.dropped is not None:
                out += _block(self.order, STATISTICS, struct.pack(self.order + 'III', index, 0, 0)
                              + _options(self.order, (5, struct.pack(self.order + 'Q',
                                                                     face.dropped))))
        return out

    def secrets(self, secrets):
        return b''.join(_block(self.order, SECRETS, struct.pack(self.order + 'II', kind, len(data))
                               + data) for kind, data in secrets)


def pcapng(from_first=False, **how):
    """A pcapng file of one section; its times counted from 1970, or from the first frame's second.
    """
    def write(faces, frames, secrets):
        ng = Ng(shift=frames[0].t // SECOND if from_first and frames else 0, **how)
        out = [ng.section(faces), ng.secrets(secrets)]
        for number, frame in enumerate(frames):
            if ng.chatty:
                out.append(ng.others(number))
            out.append(ng.frame(frame))
        return [b''.join([*out, ng.end(faces)])]
    return write


def _thirds(frames):
    size = len(frames)
    return [frames[size * part // 3:size * (part + 1) // 3] for part in range(3)]


def sections(faces, frames, secrets):
    """Three sections of different byte order and resolution, one after another in one file."""
    out = b''
    kinds = (Ng('>', 6 if all(f.t % 1000 == 0 for f in frames) else 9), Ng('<', 9), Ng('>', 10))
    for number, (ng, part) in enumerate(zip(kinds, _thirds(frames))):
        out += ng.section(faces) + ng.secrets(secrets if number == 0 else ())
        out += b''.join(map(ng.frame, part)) + (ng.end(faces) if number == 2 else b'')
    return [out]


def three_files(faces, frames, secrets):
    """A ring of three files, no two of one kind."""
    last = pcapng()(faces, _thirds(frames)[2], ())[0]
    if len({face.link_number for face in faces}) > 1 or secrets:
        return [pcapng()(faces, _thirds(frames)[0], secrets)[0],
                pcapng(order='>')(faces, _thirds(frames)[1], ())[0], last]
    first, middle, _ = _thirds(frames)
    return [scenario_file.encode('pcap-ns', faces, first),
            gzip.compress(scenario_file.encode('pcap-be-ns', faces, middle), mtime=0), last]


@functools.lru_cache(None)
def _library(name):
    return ctypes.CDLL(name)


def zstd(data):
    """By the library that libarchive reads it with."""
    library = _library('libzstd.so.1')
    library.ZSTD_compressBound.restype = library.ZSTD_compress.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(library.ZSTD_compressBound(ctypes.c_size_t(len(data))))
    size = library.ZSTD_compress(room, ctypes.c_size_t(len(room)), data,
                                 ctypes.c_size_t(len(data)), 3)
    return room.raw[:size]


def lz4(data):
    """A frame of the lz4 format, by its library."""
    library = _library('liblz4.so.1')
    library.LZ4F_compressFrameBound.restype = library.LZ4F_compressFrame.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(
        library.LZ4F_compressFrameBound(ctypes.c_size_t(len(data)), None))
    size = library.LZ4F_compressFrame(room, ctypes.c_size_t(len(room)), data,
                                      ctypes.c_size_t(len(data)), None)
    return room.raw[:size]


def _gzip_members(data):
    half = len(data) // 2
    return gzip.compress(data[:half], mtime=0) + gzip.compress(data[half:], mtime=0)


COMPRESS = {
    'gzip': lambda data: gzip.compress(data, mtime=0), 'gzip-members': _gzip_members,
    'zstd': zstd, 'lz4': lz4, 'xz': lambda data: lzma.compress(data, preset=0),
    'bzip2': bz2.compress,
}


def compressed(how):
    """The file as it would have been, compressed."""
    def write(faces, frames, secrets):
        return [COMPRESS[how](data) for data in pcapng()(faces, frames, secrets)]
    return write
