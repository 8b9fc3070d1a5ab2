"""What a capture may do to the packets of a phone: the same phone, seen differently.

Each takes the frames of a case (in time order) and a seeded generator, and returns other frames.
"""

import copy
import struct

from scenario_play import play
from scenario_wire import checksum

MS = 1_000_000


def at(frame, t):
    twin = copy.copy(frame)
    twin.t = t
    return twin


def with_data(frame, t, data):
    twin = at(frame, t)
    twin.length += len(data) - len(frame.data)
    twin.data = data
    return twin


def tagged(data):
    """The frame with a VLAN tag."""
    return data[:12] + b'\x81\x00\x00\x0a' + data[12:]


def one_hop_on(data):
    """The frame behind a router: TTL less one, IPv4 checksum anew."""
    kind = data[12:14]
    if kind == b'\x08\x00':
        head = bytearray(data[14:34])
        head[8] -= 1
        head[10:12] = b'\0\0'
        head[10:12] = struct.pack('!H', checksum(bytes(head)))
        return data[:14] + bytes(head) + data[34:]
    if kind == b'\x86\xdd':
        return data[:21] + bytes([data[21] - 1]) + data[22:]
    return data


def lossless(frames, _rng, _case):
    return frames


def duplicated(frames, rng, _case):
    """A mirror port: each packet twice, within 1 ms; tagged, behind a router, or neither."""
    tag, hop = rng.random() < 0.5, rng.random() < 0.5
    out = []
    for frame in frames:
        data = one_hop_on(frame.data) if hop else frame.data
        data = tagged(data) if tag else data
        out += [frame, with_data(frame, frame.t + rng.choice((2000, 5000, 200_000, 900_000)), data)]
    return sorted(out, key=lambda frame: frame.t)


def reordered(frames, rng, _case):
    """Neighbours within 2 ms change places: with their times, or against the order of time."""
    out = list(frames)
    clock_too = rng.random() < 0.5
    index = 0
    while index + 1 < len(out):
        one, two = out[index], out[index + 1]
        if two.t - one.t <= 2 * MS and rng.random() < 0.5:
            out[index], out[index + 1] = (at(two, one.t), at(one, two.t)) if clock_too \
                else (two, one)
            index += 1
        index += 1
    return out


def numbered(frames):
    """Each host counts the IPv4 packets that it sends, whatever they are for (RFC 6864)."""
    count, given, out = {}, {}, []
    for frame in frames:
        data = frame.data
        if data[12:14] != b'\x08\x00':
            out.append(frame)
            continue
        head = bytearray(data[14:34])
        host, part_of = bytes(head[12:16]), (frame.line, bytes(head[4:6]))
        number = count.get(host, 0)
        if head[6] & 0x3f or head[7]:                      # the fragments of a packet share it
            number = given.setdefault((host, part_of), number)
        count[host] = max(number + 1, count.get(host, 0))
        head[4:6] = struct.pack('!H', number & 0xFFFF)
        head[10:12] = b'\0\0'
        head[10:12] = struct.pack('!H', checksum(bytes(head)))
        out.append(with_data(frame, frame.t, data[:14] + bytes(head) + data[34:]))
    return out


def merged(frames, text):
    """With the frames of another scenario, as far as the capture lasts."""
    _, others = play(text, 'beside')
    others = [frame for frame in others if frames[0].t <= frame.t <= frames[-1].t]
    return numbered(sorted(list(frames) + others, key=lambda frame: frame.t))


def span_s(frames):
    return (frames[-1].t - 1767225600 * 1000 * MS) / (1000 * MS)


def second_account(frames, _rng, case):
    return merged(frames, case.phone.second_account(span_s(frames)))


def rtp(frames, _rng, case):
    return merged(frames, case.phone.noise(span_s(frames)))


def lossy(frames, rng, _case):
    """3 % of the packets are missing from the capture."""
    kept = [frame for frame in frames if rng.random() >= 0.03]
    return kept or frames[:1]


SAME = {'lossless': lossless, 'duplicated': duplicated, 'reordered': reordered,
        'second-account': second_account, 'rtp': rtp}
