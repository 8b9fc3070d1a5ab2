#!/usr/bin/env python3
"""Does sipvet survive every capture of the corpus?

  survives.py SIPVET [CAPTURE...]     without captures all of the corpus, whatever its format

Each goes through `check`, `show` and `show --messages`. None may crash, hang, or draw a word from a
sanitizer (build with SIPVET_SANITIZE to have them); the exit status is one of the contract's, and what goes
to standard output as JSON is JSON.

Exit status: 0 as said, 1 not, 77 skipped (no corpus here).
"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
COMMANDS = (['check', '--json'], ['show', '--json'], ['show', '--messages'])
STATUSES = {0, 1, 2, 3, 4}
SANITIZER_WORDS = (b'runtime error:', b'AddressSanitizer', b'LeakSanitizer', b'UndefinedBehaviorSanitizer')
TIME_MAX_S = 120


def complaint(sipvet, command, path):
    """One sentence about what went wrong, or None."""
    try:
        run = subprocess.run([sipvet] + command + [path], capture_output=True, timeout=TIME_MAX_S)
    except subprocess.TimeoutExpired:
        return 'does not end within %d s' % TIME_MAX_S
    if any(word in run.stderr for word in SANITIZER_WORDS):
        return 'a sanitizer says: ' + run.stderr.decode(errors='replace')[:2000]
    if run.returncode not in STATUSES:
        return 'exit status %d: %s' % (run.returncode, run.stderr.decode(errors='replace')[:500])
    try:
        text = run.stdout.decode('utf-8')
        for document in text.splitlines() if '--messages' in command else [text] if text else []:
            json.loads(document)
    except ValueError as error:
        return 'its output is no JSON: %s' % error
    return None


def captures_of(corpus):
    for folder, _, names in sorted(os.walk(corpus)):
        for name in sorted(names):
            if not name.endswith(('.jsonl', '.md', '.tsv', '.py', '.bin')):
                yield os.path.join(folder, name)


def main(arguments):
    sipvet, wanted = arguments[0], arguments[1:]
    shared = os.environ.get('SIPVET_SHARED') or os.path.join(HERE, '..', '..', '..', 'shared')
    corpus = os.path.join(shared, 'corpus')
    if not wanted and not os.path.isdir(corpus):
        print('skipped: no corpus at %s (set SIPVET_SHARED)' % corpus)
        return 77
    failures = runs = 0
    for path in wanted or captures_of(corpus):
        for command in COMMANDS:
            runs += 1
            words = complaint(sipvet, command, path)
            if words:
                failures += 1
                print('sipvet %s %s: %s' % (' '.join(command), path, words))
    print('%d runs, %d failures' % (runs, failures))
    return 1 if failures or not runs else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
