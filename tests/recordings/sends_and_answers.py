"""Holds `sipvet show --json` against the recordings of real user agents.

For each request of a recording and each server that it went to: the number of sends and the final
answers must be those that an independent decoder counted (NAME.json beside each capture). A difference
must stand in the table of explained ones, and each row of the table must still be needed.

The recordings are not part of the project: without them (folder `recordings` of SIPVET_SHARED, by
default ../shared beside the project) the test is skipped.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def shared():
    return pathlib.Path(os.environ.get("SIPVET_SHARED", ROOT.parent / "shared"))


def key_log(folder, recording):
    """The file of its TLS secrets, or None."""
    path = folder / f"{recording['name']}.keys"
    return path if path.exists() else None


def left_out(folder, recording):
    """Why this recording is not compared, or None."""
    if recording["transport"] == "tls" and not key_log(folder, recording):
        return "its SIP runs in TLS, and there are no secrets"
    return None


def expected(recording):
    """(method, Call-ID, server) -> [sends, final answers as (frame, status)]"""
    wanted = collections.defaultdict(lambda: [0, []])
    for t in recording["transactions"]:
        if t["method"] in ("ACK", "CANCEL"):
            continue
        host = f"[{t['server']}]" if ":" in t["server"] else t["server"]
        key = (t["method"], t["call_id"], f"{host}:{t['dport']}/{t['proto'].lower()}")
        wanted[key][0] += t["tx_count_distinct"]
        copies = t["tx_count"] != t["tx_count_distinct"]
        for response in t["responses"]:
            status = int(response["status"].split()[0])
            # Of an answer that the capture holds several times, the first copy counts.
            if status >= 200 and not (copies and status in [s for _, s in wanted[key][1]]):
                wanted[key][1].append((response["frame"], status))
    return wanted


def observed(document):
    found = collections.defaultdict(lambda: [0, []])
    for capture in document["captures"]:
        for phone in capture["phones"]:
            for account in phone["accounts"]:
                for request in account["requests"]:
                    for attempt in request["attempts"]:
                        if not attempt["sends"]:
                            continue
                        key = (request["method"], attempt["call_id"], attempt["server"])
                        found[key][0] += attempt["sends"]
                        for response in attempt["responses"]:
                            if response["status"] >= 200:
                                found[key][1].append((response["frame"], response["status"]))
    return found


def explained(path):
    rows = set()
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            name, method, call_id, server, _why = line.split("\t")
            rows.add((name, method, call_id, server))
    return rows


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--sipvet", required=True)
    options.add_argument("--differences", type=pathlib.Path, required=True)
    options = options.parse_args()
    folder = shared() / "recordings"
    if not folder.is_dir():
        print(f"skipped: recordings/sends-and-answers needs the recordings in {folder}")
        return 77

    table, used = explained(options.differences), set()
    compared = wrong = 0
    for path in sorted(folder.glob("*.json")):
        recording = json.loads(path.read_text())
        reason = left_out(folder, recording)
        if reason:
            print(f"{recording['name']}: left out: {reason}")
            continue
        keys = key_log(folder, recording)
        words = ["--keylog", keys] if keys else []
        run = subprocess.run([options.sipvet, "show", "--json", *words, folder / recording["file"]],
                             capture_output=True, text=True)
        if run.returncode != 0:
            print(f"{recording['name']}: exit status {run.returncode}: {run.stderr.strip()}")
            wrong += 1
            continue
        wanted, found = expected(recording), observed(json.loads(run.stdout))
        for key in sorted(set(wanted) | set(found)):
            compared += 1
            want, got = wanted.get(key, [0, []]), found.get(key, [0, []])
            if want[0] == got[0] and sorted(want[1]) == sorted(got[1]):
                continue
            row = (recording["name"], *key)
            if row in table:
                used.add(row)
                continue
            wrong += 1
            print(f"{recording['name']}: {key}: expected {want[0]} sends and {want[1]}, "
                  f"found {got[0]} and {got[1]}")
    for row in sorted(table - used):
        wrong += 1
        print(f"{options.differences.name}: no longer needed: {row}")
    print(f"{compared} requests at servers compared, {wrong} differences unexplained")
    return 1 if wrong or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
