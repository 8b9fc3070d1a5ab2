"""Measures what sipvet costs, on captures that it makes itself, beside tshark and a bare libpcap loop.

Cost is CPU time, user and system, start-up included, of the whole process; the least of several runs
on the same file, all in one run of this program, so that only ratios of figures that were taken
together are compared. Memory is the largest resident set. Other load on the machine disturbs all
programs alike; a figure close to its bar is worth a second run on a quiet machine.
"""

import argparse
import os
import pathlib
import shlex
import shutil
import sys
import tempfile

TSHARK = ["tshark", "-r", None, "-Y", "sip||dns", "-T", "fields", "-e", "frame.number",
          "-e", "sip.Method", "-e", "sip.Call-ID", "-e", "dns.qry.name"]

KINDS = {
    "storm": "registrations with lookups; one phone of ten meets a dead server",
    "calls": "calls, 99 % RTP",
    "tcp": "SIP over TCP, messages split and joined",
    "office": "office traffic, 0.1 % SIP",
}

LEAST_TSHARK_RATIO = 40
TURN_S = 2
MOST_FOR_TEN_TIMES = 11
MOST_MEMORY_RATIO = 1.05


def run(command):
    """CPU seconds and peak memory in bytes of one process; its output goes nowhere."""
    pid = os.fork()
    if pid == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        try:
            os.execvp(command[0], [str(word) for word in command])
        finally:
            os._exit(127)
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 127 or code < 0:
        sys.exit(f"bench: exit status {code}: {shlex.join(map(str, command))}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def least(commands, times):
    """The least CPU and the largest memory of each command; they take turns, so that a busy moment
    of the machine does not fall on one of them alone. In its turn a short one runs again and again
    for TURN_S of CPU: a moment is long for it."""
    results = [(float("inf"), 0)] * len(commands)
    for _ in range(times):
        for i, command in enumerate(commands):
            spent = 0
            while spent < TURN_S:
                cpu, memory = run(command)
                spent += max(cpu, TURN_S / 100)
                results[i] = (min(results[i][0], cpu), max(results[i][1], memory))
    return results


class Bench:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.missed = []

    def make(self, name, kind, *options):
        file = self.folder / f"{name}.pcap"
        command = [self.arguments.generate, kind, file, *map(str, options)]
        run(command)
        print(f"    {shlex.join(map(str, command))}")
        return file

    def done(self, file):
        if not self.arguments.keep:
            file.unlink()

    def sipvet(self, file):
        return [self.arguments.sipvet, "check", "-q", file]

    def bar(self, met, text):
        print(f"    {'met   ' if met else 'MISSED'}  {text}")
        if not met:
            self.missed.append(text)

    def against_tshark(self, megabytes, times):
        print(f"\nCPU seconds on {megabytes} MB (least of {times} turns)")
        for kind, what in KINDS.items():
            print(f"\n  {kind}: {what}")
            file = self.make(kind, kind, "--megabytes", megabytes)
            commands = [self.sipvet(file), [self.arguments.pcap_loop, file]]
            if self.arguments.tshark:
                commands.append([word or file for word in TSHARK])
            figures = least(commands, times)
            for (cpu, memory), command in zip(figures, commands):
                print(f"    {cpu:8.3f} s {memory / 1e6:8.1f} MB  {shlex.join(map(str, command))}")
            print(f"    {figures[0][0] / figures[1][0]:8.1f} times the bare loop")
            if self.arguments.tshark:
                ratio = figures[2][0] / figures[0][0]
                self.bar(ratio >= LEAST_TSHARK_RATIO,
                         f"{kind}: {ratio:.1f} times less than tshark"
                         f" (bar: {LEAST_TSHARK_RATIO})")
            self.done(file)

    def ten_times(self, part, times):
        print("\nTen times the phones, ten times the duration (CPU seconds of sipvet)")
        for kind, phones, seconds in (("storm", 1000, 240), ("tcp", 1000, 60), ("calls", 40, 30)):
            print(f"\n  {kind}")
            phones = max(1, phones // part)
            files = [self.make(f"{kind}-{name}", kind, "--phones", p, "--duration", s)
                     for name, p, s in (("once", phones, seconds),
                                        ("phones", phones * 10, seconds),
                                        ("duration", phones, seconds * 10))]
            figures = least([self.sipvet(file) for file in files], times)
            for file, (cpu, memory) in zip(files, figures):
                print(f"    {cpu:8.3f} s {memory / 1e6:8.1f} MB "
                      f" {shlex.join(map(str, self.sipvet(file)))}")
            for what, (cpu, _) in zip(("phones", "duration"), figures[1:]):
                ratio = cpu / figures[0][0]
                self.bar(ratio <= MOST_FOR_TEN_TIMES,
                         f"{kind}: ten times the {what} cost {ratio:.1f} times the CPU"
                         f" (bar: {MOST_FOR_TEN_TIMES})")
            for file in files:
                self.done(file)

    def memory(self, small_call_s):
        """The same calls, ten times as long: what the story keeps of them does not grow. (Ten times
        the calls would be ten times the story.)"""
        print("\nPeak memory of sipvet on RTP: the same 360 calls, ten times as long")
        figures = []
        for name, seconds in (("rtp", small_call_s), ("rtp-long", small_call_s * 10)):
            file = self.make(name, "calls", "--phones", 90, "--calls", 4,
                             "--call-seconds", seconds)
            cpu, memory = least([self.sipvet(file)], 1)[0]
            print(f"    {cpu:8.3f} s {memory / 1e6:8.2f} MB  {file.stat().st_size / 1e6:.0f} MB: "
                  f"{shlex.join(map(str, self.sipvet(file)))}")
            figures.append(memory)
            self.done(file)
        ratio = figures[1] / figures[0]
        self.bar(ratio <= MOST_MEMORY_RATIO,
                 f"rtp: ten times the file, {ratio:.3f} times the memory"
                 f" (bar: {MOST_MEMORY_RATIO})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sipvet", required=True)
    parser.add_argument("--generate", required=True)
    parser.add_argument("--pcap-loop", required=True)
    parser.add_argument("--quick", action="store_true",
                        help="captures of a tenth of the size: a look, no measurement")
    parser.add_argument("--no-tshark", dest="tshark", action="store_false")
    parser.add_argument("--dir", type=pathlib.Path, help="where the captures go (about 1.2 GB)")
    parser.add_argument("--keep", action="store_true", help="leave the captures there")
    arguments = parser.parse_args()
    if arguments.tshark and not shutil.which("tshark"):
        sys.exit("bench: tshark is not installed (--no-tshark: without it)")
    if arguments.dir:
        arguments.dir.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sipvet-bench-", dir=arguments.dir))
    bench = Bench(arguments, folder)
    try:
        bench.against_tshark(10 if arguments.quick else 100, 2 if arguments.quick else 3)
        bench.ten_times(10 if arguments.quick else 1, 3)
        bench.memory(2 if arguments.quick else 12)
    finally:
        if arguments.keep:
            print(f"\nthe captures are in {folder}")
        else:
            shutil.rmtree(folder)
    if bench.missed:
        print("\nmissed:", *bench.missed, sep="\n  ")
    return 1 if bench.missed else 0


if __name__ == "__main__":
    sys.exit(main())
