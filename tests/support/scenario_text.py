"""Scenario text: lines, words, blocks. Knows nothing of networks.

A scenario is read line by line. `#` begins a comment, a closing backslash joins the next line,
`<<WORD` takes the following lines up to WORD as text. Blocks (zone, each, define) end with `end`.
"""

import re
from decimal import Decimal, InvalidOperation

NS = 1_000_000_000


class ScenarioError(Exception):
    """A fault of the scenario text; its message names file and line."""


class Line:
    """One line of words, with the text of its `<<` block, if any."""

    def __init__(self, number, words, text=None, quoted=()):
        self.number = number
        self.words = words
        self.text = text
        self.quoted = quoted


WORD = re.compile(r'(?:[^\s"\\]|"(?:[^"\\]|\\.)*"|\\.)+')
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
ESCAPES = {'n': '\n', 'r': '\r', 't': '\t', '0': '\0'}


def _unquote(match):
    return re.sub(r'\\(.)', lambda m: ESCAPES.get(m.group(1), m.group(1)), match.group(1))


def split_words(text):
    """The words of one line; quotes group, a word that begins with # ends the line."""
    words = []
    for match in WORD.finditer(text):
        raw = match.group(0)
        if raw.startswith('#'):
            break
        words.append(QUOTED.sub(_unquote, raw))
    return words


def read_lines(text, name):
    """The lines of a scenario, with continuations and text blocks joined."""
    source = text.split('\n')
    lines = []
    at = 0
    while at < len(source):
        number = at + 1
        raw = source[at].rstrip('\r')
        at += 1
        while raw.endswith('\\') and at < len(source):
            raw = raw[:-1] + ' ' + source[at].strip()
            at += 1
        words = split_words(raw)
        if not words:
            continue
        block = None
        if words[-1].startswith('<<') and len(words[-1]) > 2:
            mark = words.pop()[2:]
            body = []
            while at < len(source) and source[at].strip() != mark:
                body.append(source[at].rstrip('\r'))
                at += 1
            if at == len(source):
                raise ScenarioError(f'{name}:{number}: no line "{mark}" ends the text')
            at += 1
            indent = min((len(b) - len(b.lstrip()) for b in body if b.strip()), default=0)
            block = '\r\n'.join(b[indent:] for b in body) + '\r\n'
        lines.append(Line(number, words, block))
    return lines


TIME = re.compile(r'^\+?\d+(\.\d+)?([+-]\d+(\.\d+)?)*$')


def is_time(word):
    """Whether a word is a time: 12.5, +0.5 (after the line before), 100+0.25."""
    return bool(TIME.match(word))


def seconds(word):
    """Nanoseconds of a number of seconds; sums and differences allowed."""
    total = 0
    for part in re.findall(r'[+-]?\d+(?:\.\d+)?', word):
        total += int((Decimal(part) * NS).to_integral_value())
    return total


def number(word):
    try:
        return int(word, 0)
    except ValueError as error:
        raise ScenarioError(f'"{word}" is no number') from error


HEADER = re.compile(r'^([A-Za-z][A-Za-z0-9-]*):\s+(.*)$|^([A-Za-z][A-Za-z0-9-]*):$', re.S)


class Options:
    """The words of a line after its verb: flags, key=value, "Header: value".

    What no one asked for by the end is an error: a typing slip must not pass silently.
    """

    def __init__(self, words, text=None):
        self.flags = []
        self.values = {}
        self.headers = []
        self.text = text
        for word in words:
            header = HEADER.match(word)
            pair = re.match(r'^([a-z][a-z0-9-]*)=(.*)$', word, re.S)
            if header:
                self.headers.append((header.group(1) or header.group(3), header.group(2) or ''))
            elif pair:
                if pair.group(1) in self.values:
                    raise ScenarioError(f'"{pair.group(1)}=" given twice')
                self.values[pair.group(1)] = pair.group(2)
            else:
                self.flags.append(word)

    def flag(self, *names):
        found = False
        for name in names:
            while name in self.flags:
                self.flags.remove(name)
                found = True
        return found

    def word(self, what):
        """The first bare word, taken away."""
        if not self.flags:
            raise ScenarioError(f'{what} is missing')
        return self.flags.pop(0)

    def get(self, key, default=None):
        return self.values.pop(key, default)

    def int(self, key, default=None):
        value = self.get(key)
        return default if value is None else number(value)

    def time(self, key, default=None):
        value = self.get(key)
        if value is None:
            return default
        try:
            return seconds(value)
        except InvalidOperation as error:
            raise ScenarioError(f'{key}={value} is no time') from error

    def times(self, key):
        """A list of times, as in at=0.5,1.5,3.5."""
        value = self.get(key)
        return None if value is None else [seconds(part) for part in value.split(',') if part]

    def numbers(self, key):
        """A list of numbers, as in order=2,1,3; 3-5 is a range."""
        value = self.get(key)
        if value is None:
            return None
        out = []
        for part in value.split(','):
            low, _, high = part.partition('-')
            out.extend(range(number(low), number(high or low) + 1))
        return out

    def done(self):
        left = self.flags + [f'{key}=' for key in self.values] + [f'{h[0]}:' for h in self.headers]
        if left:
            raise ScenarioError('not understood: ' + ' '.join(left))
