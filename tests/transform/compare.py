"""One capture's part of the verdict document against that of the same capture in another form."""

import json
import math
import re

HEAD = re.compile(r'^    \{\n      "files": ', re.MULTILINE)
PHONES = '      "phones": ['
# What a frame's number stands in. "icmp" keeps its length: so many errors came.
NUMBERED = re.compile(r'"(frames?|answer_frame|error_frame|'
                      r'files?|answer_file|error_file|icmp_files|filters)": '
                      r'(\[[^\]]*\]|null|\d+)'
                      r'|"filter": ("[^"]*"|null)')
TIMES = re.compile(r'"time": "[^"]*"')
ICMP = re.compile(r'"icmp": \[([^\]]*)\]')
MAC = re.compile(r'"mac": (null|"[^"]*")')
NUMBER = re.compile(r'\d+(?:\.\d+)?')
SHOWN = 6
# Lines that tell where one is in the document.
TELLS = ('"rule"', '"method"', '"kind"', '"host"', '"addresses"')


def parts(text):
    """The text of a verdict document, one piece for each capture: (head as object, its phones)."""
    starts = [match.start() for match in HEAD.finditer(text)] + [len(text)]
    out = []
    for begin, end in zip(starts, starts[1:]):
        piece = text[begin:end]
        at, close = piece.index(PHONES), piece.rindex('\n    }')
        out.append((json.loads(piece[:at] + '"phones": []}'), piece[at:close]))
    return out


def _icmp(match):
    return f'"icmp": {len(match[1].split(",")) if match[1] else 0}'


def _bare(form, phones):
    """The phones as text, without what this form may change."""
    if not form.numbered or form.merge:
        phones = NUMBERED.sub('""', ICMP.sub(_icmp, phones))
    if form.name == 'clock' or form.slack:
        phones = TIMES.sub('""', phones)
    return phones if form.mac else MAC.sub('""', phones)


def _near(left, right, slack):
    return left == right or math.isclose(left, right, abs_tol=slack + 1e-9, rel_tol=0)


def _same_text(left, right, slack):
    """Whether two texts say the same with other numbers, each near the one in its place."""
    return slack and NUMBER.sub('#', left) == NUMBER.sub('#', right) and all(
        _near(float(a), float(b), slack)
        for a, b in zip(NUMBER.findall(left), NUMBER.findall(right), strict=True))


def _lines(text):
    return [line.strip() for line in text.splitlines()]


def _differences(left, right, slack):
    """Lines of two texts that differ, with the verdicts or names above them; where one has more
    lines, what differs after the first difference says little."""
    left, right = _lines(left), _lines(right)
    out, above = [], ''
    for a, b in zip(left, right):
        if a == b or _same_text(a, b, slack):
            above = a if a.startswith(TELLS) else above
            continue
        out.append(f'in {above}\n  -{a}\n  +{b}')
        if len(left) != len(right):
            out.append(f'{len(left)} lines -> {len(right)}')
            break
    if not out and len(left) != len(right):
        out.append(f'{len(left)} lines -> {len(right)}')
    return out


def _warnings(head, less):
    return {w['code']: w['count'] for w in head['warnings'] if w['code'] not in less}


def compare(form, base, other, frame_count):
    """What differs and may not, as lines; none if nothing does."""
    (head, phones), (head2, phones2) = base, other
    out = []
    for key in ('verdict', 'reason', 'dropped_packets'):
        if head[key] != head2[key]:
            out.append(f'{key}: {head[key]} -> {head2[key]}')
    if head2['packets'] != frame_count:
        out.append(f'packets: {head2["packets"]} of {frame_count} frames')
    if not _near(head['duration_s'], head2['duration_s'], max(form.slack, 0.00013
                                                             if form.explains else 0)):
        out.append(f'duration_s: {head["duration_s"]} -> {head2["duration_s"]}')
    warned, warned2 = (_warnings(h, form.explains) for h in (head, head2))
    if warned != warned2:
        out.append(f'warnings: {warned} -> {warned2}')
    if phones != phones2:
        bare, bare2 = _bare(form, phones), _bare(form, phones2)
        if bare != bare2:
            out += _differences(bare, bare2, form.slack)
    if len(out) > SHOWN:
        out[SHOWN:] = [f'… and {len(out) - SHOWN} more']
    return out
