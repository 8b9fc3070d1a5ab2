#!/usr/bin/python3
"""Hold golden cases against the tool: run_scenarios.py --sipvet PATH FOLDER…

For each: the text compiles to exactly the committed capture; `sipvet check` ends with the expected
status and says the expected findings, twice the same; its documents fit the JSON schemas.
"""

import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))

import golden                                  # noqa: E402
import scenario                                # noqa: E402

SCHEMAS = golden.ROOT / 'rules' / 'schema'


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


def check_schema(name, document):
    path = SCHEMAS / name
    if not path.exists():
        return []
    try:
        import jsonschema
    except ImportError:
        return []
    validator = jsonschema.validators.validator_for(json.loads(path.read_text()))(
        json.loads(path.read_text()))
    return [f'{name}: {"/".join(map(str, e.absolute_path))}: {e.message}'
            for e in list(validator.iter_errors(document))[:5]]


def check_capture(case):
    missing = [f'{name} is missing' for name in golden.FILES if not (case.folder / name).exists()]
    if missing:
        return missing
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
    out += check_schema('verdict.schema.json', document)
    if case.run(sipvet)[1] != output:
        out.append('a second run gives other bytes')
    _, shown, errors = case.run(sipvet, 'show', [])
    try:
        out += check_schema('story.schema.json', json.loads(shown))
    except ValueError as error:
        out.append(f'the output of show is no JSON: {error}\n{errors}')
    return out


def check_complete():
    """Every folder has all its files."""
    out = []
    for folder in sorted(golden.CAPTURES.iterdir()):
        if folder.is_dir():
            out += [f'{folder.name}: {name} is missing' for name in golden.FILES
                    if not (folder / name).exists()]
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--sipvet')
    parser.add_argument('--complete', action='store_true', help='only look for missing files')
    parser.add_argument('folders', nargs='*')
    arguments = parser.parse_args()
    if arguments.complete:
        faults = check_complete()
        print('\n'.join(faults))
        return 1 if faults else 0
    failed = skipped = False
    for case in golden.cases(arguments.folders):
        stale = check_capture(case)
        faults, open_reason = [], None
        if arguments.sipvet and not stale:
            faults = check_tool(case, str(pathlib.Path(arguments.sipvet).resolve()))
            open_reason = case.expected().get('open')
            if open_reason is not None and not faults:
                stale = ['as expected by now; take "open" out of its expected.json']
        for fault in stale + faults:
            print(f'{case.name}: {fault}')
        if open_reason is not None and not stale:
            print(f'{case.name}: skipped, known to be open: {open_reason}')
            skipped = True
            faults = []
        failed = failed or bool(stale + faults)
    return 1 if failed else 77 if skipped else 0


if __name__ == '__main__':
    sys.exit(main())
