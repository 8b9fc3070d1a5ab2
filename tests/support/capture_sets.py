"""Sets of captures made of one: a ring of files, and two capture points with clocks of their own."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'transform'))

import capture_file                            # noqa: E402
import scenario_file                           # noqa: E402
from packets import ip_of, open_frame, retouched   # noqa: E402

ROUTER, BEYOND = bytes.fromhex('02aa00000001'), bytes.fromhex('02aa00000002')
SECOND = 1_000_000_000


def read(path):
    return capture_file.read(pathlib.Path(path).read_bytes())


def ring(capture, cuts):
    """The bytes of the files that a ring holds when it goes on to the next before these frames."""
    bounds = [0, *cuts, len(capture.frames)]
    return [scenario_file.encode('pcapng', capture.faces, capture.frames[begin:end])
            for begin, end in zip(bounds, bounds[1:])]


def _is_routed(ip):
    if ip is None or ip.ttl in (1, 255) or ip.dst == b'\xff' * 4:
        return False
    return not (ip.dst[0] >> 4 == 14 if ip.version == 4 else ip.dst[0] == 255)


def two_points(capture, inside, offset=0, path=200_000, nat=None, lost=()):
    """The bytes of two files: near the phones, and behind a router.

    inside: the phones' addresses (packed). offset: how far the far clock is ahead, path: the delay
    between the points, both in ns. nat: {address: address behind the router}, both packed. lost:
    numbers of frames that the way swallowed: seen at their sender's side alone."""
    near, far = [], []
    for number, frame in enumerate(capture.frames, 1):
        packet = open_frame(capture.faces[frame.interface].link_number, frame)
        ip = ip_of(packet) if packet else None
        outward = ip is not None and ip.src in inside
        if not (number in lost and not outward):
            near.append(frame)
        if not _is_routed(ip) or (number in lost and outward):
            continue
        there = packet
        changes = {name: nat[getattr(ip, name)] for name in ('src', 'dst')
                   if nat and getattr(ip, name) in nat}
        if outward or changes:
            there = retouched(packet, ttl_less=1 if outward else 0, **changes)
        head = BEYOND + ROUTER + there.head[12:]
        far.append(capture_file.Frame(frame.t + offset + (path if outward else -path),
                                      frame.interface, head + there.payload,
                                      len(head) + there.full, frame.comment))
    faces = [face.like(resolution=9) for face in capture.faces]
    far.sort(key=lambda frame: frame.t)
    return [scenario_file.encode('pcapng', faces, frames) for frames in (near, far)]
