#!/usr/bin/python3
"""Compile captures anew and rewrite their expected.json from what the tool says.

renew.py [--sipvet PATH] [--capture-only] [--dry-run] [NAME…]: prints the difference for review.
What the tool says is not right because the tool says it: read the diff, line by line.
"""

import argparse
import difflib
import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import golden                                  # noqa: E402
import scenario                                # noqa: E402
from scenario_text import ScenarioError        # noqa: E402


def flat(value):
    return json.dumps(value, ensure_ascii=False)


def render(expected):
    """expected.json, one occurrence and one attempt a line."""
    out = ['{', f'  "options": {flat(expected["options"])},', f'  "exit": {expected["exit"]},']
    out.append('  "findings": [')
    for index, finding in enumerate(expected['findings']):
        comma = ',' if index + 1 < len(expected['findings']) else ''
        head = {k: v for k, v in finding.items() if k != 'occurrences'}
        if 'occurrences' not in finding:
            out.append(f'    {flat(head)}{comma}')
            continue
        begin = f'    {flat(head)[:-1]}, "occurrences": ['
        inner = ',\n'.join(f'      {flat(o)}' for o in finding['occurrences'])
        out.append(begin + (f'\n{inner}\n    ]}}' if inner else ']}') + comma)
    story = expected.get('story')
    out.append('  ]' + (',' if story is not None else ''))
    if story is not None:
        out.append('  "story": [')
        for index, request in enumerate(story):
            comma = ',' if index + 1 < len(story) else ''
            head = {k: v for k, v in request.items() if k != 'attempts'}
            inner = ',\n'.join(f'      {flat(a)}' for a in request['attempts'])
            out.append(f'    {flat(head)[:-1]}, "attempts": [\n{inner}\n    ]}}{comma}')
        out.append('  ]')
    return '\n'.join(out) + '\n}\n'


def renew(case, sipvet, dry):
    data = None if case.recorded() else scenario.compile_file(case.scenario)
    if data is not None and (not case.capture.exists() or case.capture.read_bytes() != data):
        print(f'{case.name}: capture.pcapng renewed ({len(data)} bytes)')
        if not dry:
            case.capture.write_bytes(data)
    if sipvet is None:
        return
    status, output, errors = case.run(sipvet)
    try:
        document = json.loads(output)
    except ValueError:
        print(f'{case.name}: no JSON from the tool (status {status})\n{errors}')
        return
    expected = {'options': case.options(), 'exit': status, 'findings': golden.findings(document),
                'story': golden.story(document)}
    if case.expected_file.exists() and 'open' in case.expected():
        print(f'{case.name}: its expectation is open, and left as it is')
        return
    text = render(expected)
    before = case.expected_file.read_text(encoding='utf-8') if case.expected_file.exists() else ''
    if before:
        before = render(json.loads(before))
    sys.stdout.writelines(difflib.unified_diff(
        before.splitlines(True), text.splitlines(True), f'{case.name}/expected.json (before)',
        f'{case.name}/expected.json', n=1))
    if not dry and text != before:
        case.expected_file.write_text(text, encoding='utf-8')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--sipvet', default=os.environ.get('SIPVET'))
    parser.add_argument('--capture-only', action='store_true')
    parser.add_argument('--dry-run', action='store_true')
    parser.add_argument('names', nargs='*')
    arguments = parser.parse_args()
    sipvet = arguments.sipvet
    if not arguments.capture_only and sipvet is None:
        print('which tool? Set SIPVET, or give --sipvet PATH or --capture-only', file=sys.stderr)
        return 2
    if sipvet is not None:
        sipvet = str(pathlib.Path(sipvet).resolve())
    status = 0
    for case in golden.cases(arguments.names):
        try:
            renew(case, None if arguments.capture_only else sipvet, arguments.dry_run)
        except ScenarioError as error:
            print(error, file=sys.stderr)
            status = 1
    return status


if __name__ == '__main__':
    sys.exit(main())
