#!/usr/bin/python3
"""Every block of README.md that begins with "$ sipvet ..." is what the tool prints.

readme_test.py SIPVET            compare
readme_test.py SIPVET --renew    write the blocks anew
"""

import difflib
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / 'README.md'
BLOCK = re.compile(r'^```\n(\$ sipvet ([^\n]*)\n)(.*?)^```$', re.M | re.S)


def block(tool, command, arguments, old):
    done = subprocess.run([tool, *shlex.split(arguments)], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    status = f'\nexit status {done.returncode}\n' if '\nexit status ' in old else ''
    return f'```\n{command}{done.stdout}{status}```'


def main():
    tool = str(pathlib.Path(sys.argv[1]).resolve())
    old = README.read_text()
    new = BLOCK.sub(lambda match: block(tool, *match.groups()), old)
    if '--renew' in sys.argv:
        README.write_text(new)
        return 0
    if not BLOCK.search(old):
        print('README.md shows no output of the tool')
        return 1
    sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True),
                                               'README.md', 'what sipvet prints'))
    return old != new


if __name__ == '__main__':
    sys.exit(main())
