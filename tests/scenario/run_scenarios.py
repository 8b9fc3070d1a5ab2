#!/usr/bin/python3
"""Hold golden cases against the tool: run_scenarios.py --sipvet PATH FOLDER…

For each: `sipvet check` ends with the expected status and says the expected findings, twice the
same; `sipvet show` gives JSON. Whether the documents fit their schemas is asked by
tests/report/documents_test.py, of the same runs: a validator takes as long to load as all this.

Without --sipvet: each folder has its files, and its text compiles to exactly its capture.
"""

import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))

import golden                                  # noqa: E402


def part_of(wanted, got):
    """Whether all that is wanted is there: members of objects may be left out, of lists not."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return all(key in got and part_of(value, got[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(part_of, wanted, got))
    return wanted == got and isinstance(wanted, bool) == isinstance(got, bool)


def check_list(what, wanted, got):
    """Differences between two lists of findings or requests, one line each."""
    out = []
    for index in range(max(len(wanted), len(got))):
        left = wanted[index] if index < len(wanted) else None
        right = got[index] if index < len(got) else None
        if left is None or right is None or not part_of(left, right):
            out.append(f'{what} {index + 1}:\n  expected {json.dumps(left)}\n  found    '
                       f'{json.dumps(right)}')
    return out


def by_key(findings):
    return {(f['aor'], f['host'], f['rule']): f for f in findings}


def check_findings(wanted, got):
    left, right = by_key(wanted), by_key(got)
    out = []
    for key in [*left, *(k for k in right if k not in left)]:
        if key not in left or key not in right or not part_of(left[key], right[key]):
            out.append(f'{key[2]} of {key[0]} at {key[1]}:\n'
                       f'  expected {json.dumps(left.get(key))}\n'
                       f'  found    {json.dumps(right.get(key))}')
    order = [key for key in right if key in left]
    if not out and order != list(left):
        out.append('the findings come in another order')
    return out


def check_capture(case):
    import scenario    # only here: it takes as long to load as to run a case
    missing = [f'{name} is missing' for name in golden.FILES if not (case.folder / name).exists()]
    if missing:
        return missing
    if case.recorded():
        return []
    data = scenario.compile_file(case.scenario)
    if data == case.capture.read_bytes():
        return []
    return ['capture.pcapng is not what scenario.txt compiles to: run tests/support/renew.py '
            + case.name]


def check_tool(case, sipvet):
    expected = case.expected()
    status, output, errors = case.run(sipvet)
    out = []
    if status != expected['exit']:
        out.append(f'exit status {status}, expected {expected["exit"]}\n{errors}')
    try:
        document = json.loads(output)
    except ValueError as error:
        return out + [f'the output is no JSON: {error}\n{errors}']
    out += check_findings(expected['findings'], golden.findings(document))
    if 'story' in expected:
        out += check_list('request', expected['story'], golden.story(document))
    if case.run(sipvet)[1] != output:
        out.append('a second run gives other bytes')
    _, shown, errors = case.run(sipvet, 'show', [])
    try:
        json.loads(shown)
    except ValueError as error:
        out.append(f'the output of show is no JSON: {error}\n{errors}')
    return out


def check_case(case, sipvet):
    """(faults, why the case is open or None)."""
    faults = check_tool(case, sipvet)
    reason = case.expected().get('open')
    if reason is None:
        return faults, None
    return ([], reason) if faults else \
        (['as expected by now; take "open" out of its expected.json'], None)


def folders():
    """Every folder of captures/, also one that lacks what makes it a case."""
    return [golden.Case(folder) for folder in sorted(golden.CAPTURES.iterdir()) if folder.is_dir()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--sipvet')
    parser.add_argument('folders', nargs='*')
    arguments = parser.parse_args()
    failed = skipped = False
    for case in golden.cases(arguments.folders) if arguments.folders else folders():
        reason = None
        if arguments.sipvet:
            faults, reason = check_case(case, str(pathlib.Path(arguments.sipvet).resolve()))
        else:
            faults = check_capture(case)
        for fault in faults:
            print(f'{case.name}: {fault}')
        if reason is not None:
            print(f'{case.name}: skipped, known to be open: {reason}')
            skipped = True
        failed = failed or bool(faults)
    return 1 if failed else 77 if skipped else 0


if __name__ == '__main__':
    sys.exit(main())
