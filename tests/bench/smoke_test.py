"""The benchmark's captures are what they claim to be; nothing is timed here.

One megabyte of each kind is the same bytes twice, is read without a warning, shows the phones that
were made, and `check` finds the failover of each phone that met a dead server.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

# kind: (options, phones, at least so many accounts with a failover, methods seen)
KINDS = {
    "storm": (["--phones", "60"], 60, 6, {"REGISTER"}),
    "calls": (["--phones", "8"], 8, 0, {"REGISTER", "INVITE", "BYE"}),
    "tcp": (["--phones", "60"], 60, 6, {"REGISTER", "OPTIONS"}),
    "office": (["--duration", "70"], 10, 1, {"REGISTER"}),
}


def check(arguments, folder, kind):
    options, phones, failed_over, methods = KINDS[kind]
    files = [folder / f"{kind}-{n}.pcap" for n in (1, 2)]
    for file in files:
        size = [] if "--duration" in options else ["--megabytes", "1"]
        subprocess.run([arguments.generate, kind, file, *size, *options], check=True)
    assert files[0].read_bytes() == files[1].read_bytes(), "the two files differ"

    output = folder / "verdict.json"
    done = subprocess.run([arguments.sipvet, "check", "-q", f"--json={output}", files[0]],
                          capture_output=True, text=True)
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr}"
    capture = json.loads(output.read_text())["captures"][0]
    accounts = [a for p in capture["phones"] for a in p["accounts"]]
    seen = {r["method"] for a in accounts for r in a["requests"]}
    moved = [a for a in accounts if any(e["kind"] == "failover" for e in a["events"])]
    assert capture["warnings"] == [], capture["warnings"]
    assert len(capture["phones"]) == len(accounts) == phones, len(capture["phones"])
    assert len(moved) >= failed_over, f"{len(moved)} accounts with a failover"
    assert seen == methods, seen


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sipvet", required=True)
    parser.add_argument("--generate", required=True)
    arguments = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            try:
                check(arguments, pathlib.Path(folder), kind)
            except AssertionError as error:
                print(f"{kind}: {error}")
                wrong += 1
    print(f"{len(KINDS)} kinds of traffic, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
