#!/usr/bin/env python3
"""Run the libFuzzer targets for a while, side by side.

    fuzz.py --build build/fuzz SECONDS [TARGET...]
    fuzz.py --seed CASE...      golden cases become seeds in tests/fuzz/corpus/pipeline

SECONDS are of all targets together, of processor time: half of them go to the whole pipeline, the
rest is shared. Inputs found are kept below BUILD/corpus, so that the next run goes on from there;
the seeds are tests/fuzz/corpus and, for the pipeline, the golden captures. For each target it
prints the executions, the coverage (edges of the program that were reached) and the inputs kept.

An input that breaks something is written to BUILD/found and named; the exit status is 1 then. Give
it a name that says what it is and put it into tests/fuzz/corpus/TARGET, where ctest replays it.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED_MAX = 6000   # bytes; smaller inputs are quicker, and say as much
INPUT_MAX = 10000


def packets_of(path):
    """The packets of a golden capture (pcapng of one link type), as (time in µs, length, bytes)."""
    data, at, order, link, ticks = path.read_bytes(), 0, '<', None, 1000000
    packets = []
    while at + 12 <= len(data):
        kind, = struct.unpack_from(order + 'I', data, at)
        if kind == 0x0A0D0D0A:
            order = '<' if data[at + 8:at + 12] == b'\x4d\x3c\x2b\x1a' else '>'
        kind, size = struct.unpack_from(order + 'II', data, at)
        if kind == 1:
            new = struct.unpack_from(order + 'H', data, at + 8)[0]
            if link is not None and new != link:
                return None, []
            link, option = new, at + 16
            while option + 4 <= at + size - 4:
                code, length = struct.unpack_from(order + 'HH', data, option)
                if code == 9:
                    ticks = 10 ** data[option + 4]
                option += 4 + (length + 3) // 4 * 4
        elif kind == 6:
            _, high, low, have, wire = struct.unpack_from(order + 'IIIII', data, at + 8)
            stamp = (high << 32 | low) * 1000000 // ticks
            packets.append((stamp, wire, data[at + 28:at + 28 + have]))
        at += size
    return link, packets


def write_seeds(folder, cases=None):
    """Golden captures as pcap files, whose packets the mutator of the pipeline knows."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(ROOT.glob('captures/*/capture.pcap*')):
        if path.stat().st_size > SEED_MAX or path.suffix != '.pcapng':
            continue
        if cases is not None and path.parent.name not in cases:
            continue
        link, packets = packets_of(path)
        if not packets:
            continue
        out = [struct.pack('<IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)]
        for stamp, wire, data in packets:
            out.append(struct.pack('<IIII', stamp // 1000000, stamp % 1000000, len(data), wire))
            out.append(data)
        (folder / (path.parent.name + '.pcap')).write_bytes(b''.join(out))


def run(build, name, seconds):
    corpus, found = build / 'corpus' / name, build / 'found'
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    folders = [corpus, ROOT / 'tests/fuzz/corpus' / name]
    if name == 'pipeline':
        write_seeds(build / 'seeds')
        folders.append(build / 'seeds')
    done = subprocess.run(
        [build / 'tests/fuzz' / f'fuzz_{name}', f'-max_total_time={seconds}', '-timeout=20',
         '-rss_limit_mb=3000', f'-max_len={INPUT_MAX}', '-print_final_stats=1',
         '-reload=0', '-verbosity=1', f'-artifact_prefix={found}/{name}-',
         *[str(f) for f in folders if f.is_dir()]],
        cwd=build, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace',
        env=dict(os.environ, ASAN_OPTIONS='detect_leaks=1', UBSAN_OPTIONS='print_stacktrace=1'))
    cover = re.findall(r'cov: (\d+)', done.stdout)
    units = re.search(r'number_of_executed_units: (\d+)', done.stdout)
    if done.returncode:
        (found / f'{name}.log').write_text(done.stdout)
    return (name, seconds, int(units[1]) if units else 0, int(cover[-1]) if cover else 0,
            len(list(corpus.iterdir())), done.returncode)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--build', type=pathlib.Path)
    parser.add_argument('--seed', nargs='+', metavar='CASE')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('seconds', type=int, nargs='?')
    parser.add_argument('targets', nargs='*')
    args = parser.parse_args()
    if args.seed:
        write_seeds(ROOT / 'tests/fuzz/corpus/pipeline', args.seed)
        return
    if not args.build or not args.seconds:
        parser.error('--build and SECONDS are needed')
    build = args.build.resolve()
    known = sorted(p.name[len('fuzz_'):] for p in (build / 'tests/fuzz').glob('fuzz_*')
                   if shutil.which(str(p)))
    unknown = [t for t in args.targets if t not in known]
    if unknown or not known:
        sys.exit(f'no such target: {" ".join(unknown) or "(none is built)"}; there are: {" ".join(known)}')
    targets = args.targets or known
    weight = {t: max(1, len(targets) - 1) if t == 'pipeline' else 1 for t in targets}
    share = {t: max(1, args.seconds * w // sum(weight.values())) for t, w in weight.items()}
    bad = 0
    print(f'{"target":20} {"seconds":>8} {"executions":>12} {"coverage":>9} {"inputs":>7}')
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = [pool.submit(run, build, t, share[t])
                for t in sorted(targets, key=lambda t: -share[t])]
        for future in concurrent.futures.as_completed(runs):
            name, seconds, units, cover, inputs, status = future.result()
            print(f'{name:20} {seconds:8} {units:12} {cover:9} {inputs:7}'
                  + (f'  BROKEN: see {build / "found" / (name + ".log")}' if status else ''), flush=True)
            bad += status != 0
    sys.exit(1 if bad else 0)


main()
