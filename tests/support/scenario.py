#!/usr/bin/python3
"""Compile a scenario into a capture: scenario.py captures/NAME/scenario.txt -o capture.pcapng

The language is described in captures/README.md. The same text always gives the same bytes.
"""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from scenario_file import FORMATS, encode      # noqa: E402
from scenario_play import play                 # noqa: E402
from scenario_text import ScenarioError        # noqa: E402


def compile_text(text, name='scenario'):
    """The bytes of the capture that a scenario text describes."""
    stage, frames = play(text, name)
    if stage.format not in FORMATS:
        raise ScenarioError(f'{name}: format {stage.format}: one of {", ".join(FORMATS)}')
    if not stage.format.startswith('pcapng') and (len(stage.interfaces) > 1
                                                  or stage.interfaces[0].dropped is not None):
        raise ScenarioError(f'{name}: several interfaces and drop counters need format: pcapng')
    return encode(stage.format, stage.interfaces, frames)


def compile_file(path):
    return compile_text(pathlib.Path(path).read_text(encoding='utf-8'), str(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('scenario')
    parser.add_argument('-o', '--output', required=True)
    arguments = parser.parse_args()
    try:
        data = compile_file(arguments.scenario)
    except (ScenarioError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    pathlib.Path(arguments.output).write_bytes(data)
    return 0


if __name__ == '__main__':
    sys.exit(main())
