#!/usr/bin/python3
"""The mutation bar: does each rule tell a phone that keeps the promise from one that just does not?

For each rule a generator (rules_*.py) varies the phone's behaviour around what is expected, and
knows the verdict by construction. The captures are judged as they are, and as a mirror port, a
busy network or a bad capture would have shown them (variants.py). Same seeds, same phones.

    mutate.py --sipvet build/release/sipvet               all rules, 200 phones each
    mutate.py --sipvet … --from 200                       200 others
    mutate.py --sipvet … --rule 'retry.*' --phones 20     some
    mutate.py --sipvet … --rule retry.bye --only 17 --keep DIR    one phone; what it did is kept

The bar: where no packet is missing, every verdict is as the generator knows it, however few the
phones are. Where 3 % are missing, at most 1 % of a rule's verdicts are flipped and at least 60 %
decided. A share of 1 % says nothing of a few captures (one of 28 is 3.6 %): rules of which fewer
than 500 lossy captures were judged are held to it together, and not at all if they have fewer than
500 together.
"""

import argparse
import fnmatch
import json
import multiprocessing
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import variants                                              # noqa: E402
from generators import GENERATORS                            # noqa: E402
from scenario_file import encode                             # noqa: E402
from scenario_play import play                               # noqa: E402

LOSS = 'lossy'
BATCH = 40                          # phones in one job
ENOUGH = 500                        # lossy captures: 1 % of them are several
WRONG_SHOWN = 12


def make(rule, number):
    return GENERATORS[rule](random.Random(f'{rule}/{number}'), number)


def seen(case, losses, names):
    """(variant, capture bytes) of one case."""
    stage, frames = play(case.text(), case.seed)
    for name, change in variants.SAME.items():
        if name in names:
            rng = random.Random(f'{case.seed}/{name}')
            yield name, encode('pcapng', stage.interfaces, change(frames, rng, case))
    for draw in range(losses if LOSS in names else 0):
        rng = random.Random(f'{case.seed}/{LOSS}/{draw}')
        yield f'{LOSS}{draw}', encode('pcapng', stage.interfaces,
                                      variants.lossy(frames, rng, case))


def verdict_of(capture, case):
    """What was said of the case's account: of its parts, if it was torn, the worst."""
    aors = getattr(case.phone, 'aors', None) or {case.phone.aor}
    found = [(result['verdict'], result['reason'], result['message'])
             for phone in capture['phones'] for account in phone['accounts']
             if account['aor'] in aors for result in account['results']
             if result['rule'] == case.rule]
    for verdict in ('fail', 'pass', 'inconclusive', 'not_applicable'):
        for one in found:
            if one[0] == verdict:
                return one
    return 'none', None, 'no such account'


def judge(sipvet, rule, options, files):
    """The capture documents of one run, by file name."""
    done = subprocess.run([sipvet, 'check', '--json', '--rule', rule, *options, *files],
                          capture_output=True, check=False)
    if done.returncode not in (0, 1, 4):
        raise SystemExit(f'sipvet ended with {done.returncode}: {done.stderr.decode()[:2000]}\n'
                         + ' '.join(['check', '--rule', rule, *options, *files[:2]]))
    document = json.loads(done.stdout)
    return {capture['files'][0]: capture for capture in document['captures']}


def job(work):
    """Make and judge some phones of a rule: [(number, expected, note, variant, verdict, …)]."""
    rule, numbers, arguments = work
    out = []
    with tempfile.TemporaryDirectory(prefix='mutate-') as folder:
        groups = {}
        for number in numbers:
            case = make(rule, number)
            for name, data in seen(case, arguments.losses, arguments.variants):
                path = f'{folder}/{number}-{name}.pcapng'
                pathlib.Path(path).write_bytes(data)
                groups.setdefault(tuple(case.options()), []).append((path, case, name))
            if arguments.keep:
                keep(case, arguments, folder)
        for options, members in groups.items():
            said = judge(arguments.sipvet, rule, options, [path for path, _, _ in members])
            for path, case, name in members:
                verdict, reason, message = verdict_of(said[path], case)
                out.append((case.number, case.verdict, case.note, name, verdict, reason, message,
                            ' '.join(options)))
    return rule, out


def keep(case, arguments, folder):
    """Leave scenario, options and captures for the eye."""
    place = pathlib.Path(arguments.keep) / case.seed
    place.mkdir(parents=True, exist_ok=True)
    options = ' '.join(f"'{word}'" if '[' in word or '"' in word else word
                       for word in case.options())
    (place / 'scenario.txt').write_text(f'# options: {options}\n# {case.verdict}: {case.note}\n'
                                        + case.text(), encoding='utf-8')
    for path in pathlib.Path(folder).glob(f'{case.number}-*.pcapng'):
        (place / path.name.partition('-')[2]).write_bytes(path.read_bytes())


class Tally:
    """The counts of one rule."""

    def __init__(self):
        self.phones = set()
        self.same = {name: [0, 0, 0, 0] for name in variants.SAME}    # all, wrong pass, fail, none
        self.loss = [0, 0, 0]                                         # all, flipped, decided
        self.wrong = []

    def add(self, row):
        number, expected, _, variant, verdict = row[:5]
        self.phones.add(number)
        if variant.startswith(LOSS):
            decided = verdict in ('pass', 'fail')
            self.loss[0] += 1
            self.loss[1] += decided and verdict != expected
            self.loss[2] += decided
            if decided and verdict != expected:
                self.wrong.append(row)
            return
        counts = self.same[variant]
        counts[0] += 1
        if verdict != expected:
            counts[{'pass': 1, 'fail': 2}.get(verdict, 3)] += 1
            self.wrong.append(row)

    def exact(self):
        return not any(sum(counts[1:]) for counts in self.same.values())

    def line(self, rule, bad):
        cells = [f'{rule:24} {len(self.phones):6}']
        for counts in self.same.values():
            cells.append('/'.join(map(str, counts[1:])).center(11) if counts[0] else '-'.center(11))
        if self.loss[0]:
            cells.append(f'{100 * self.loss[1] / self.loss[0]:7.2f} %'
                         f' {100 * self.loss[2] / self.loss[0]:6.1f} %')
        return ' '.join(cells) + ('   <- below the bar' if bad else '')


def bears_loss(loss):
    all_, flipped, decided = loss
    return flipped * 100 <= all_ and decided * 100 >= 60 * all_


def below_the_bar(tallies):
    """The rules that are; see the head of this file about few phones."""
    few = [tally.loss for tally in tallies.values() if tally.loss[0] < ENOUGH]
    together = [sum(column) for column in zip(*few)]
    few_count = bool(few) and together[0] >= ENOUGH and not bears_loss(together)
    return [rule for rule, tally in tallies.items()
            if not tally.exact()
            or ((few_count or tally.loss[0] >= ENOUGH) and not bears_loss(tally.loss))]


def chosen_rules(arguments):
    """The rules to run: those of the catalogue that have a generator, unless some are named."""
    listed = subprocess.run([arguments.sipvet, 'rules'], capture_output=True, check=True, text=True)
    known = [line.split()[0] for line in listed.stdout.splitlines() if line[:1].isalpha()]
    rules = [rule for rule in known if any(fnmatch.fnmatch(rule, p) for p in arguments.rule)]
    missing = [rule for rule in rules if rule not in GENERATORS]
    for rule in missing:
        print(f'{rule}: no generator')
    return [rule for rule in rules if rule in GENERATORS], missing


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--sipvet', required=True)
    parser.add_argument('--rule', action='append', help="one or a group ('retry.*')")
    parser.add_argument('--phones', type=int, default=200, help='phones of each rule')
    parser.add_argument('--from', type=int, default=0, dest='first', metavar='NUMBER',
                        help='the first of them')
    parser.add_argument('--losses', type=int, default=3, help='lossy captures of each phone')
    parser.add_argument('--only', type=int, action='append', help='this phone alone')
    parser.add_argument('--variants', default=','.join([*variants.SAME, LOSS]))
    parser.add_argument('--keep', metavar='DIR', help='keep scenarios and captures')
    parser.add_argument('--jobs', type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument('--all-wrong', action='store_true', help='print every deviation')
    parser.add_argument('--quiet', action='store_true', help='no table unless something is wrong')
    arguments = parser.parse_args()
    arguments.rule = arguments.rule or ['*']
    arguments.variants = arguments.variants.split(',')
    rules, missing = chosen_rules(arguments)
    numbers = arguments.only or range(arguments.first, arguments.first + arguments.phones)
    work = [(rule, list(numbers)[at:at + BATCH], arguments)
            for rule in rules for at in range(0, len(numbers), BATCH)]
    tallies = {rule: Tally() for rule in rules}
    with multiprocessing.Pool(arguments.jobs) as pool:
        for rule, rows in pool.imap(job, work):
            for row in rows:
                tallies[rule].add(row)
    bad = below_the_bar(tallies)
    report(tallies, rules, bad, arguments)
    return 1 if bad or missing else 0


def report(tallies, rules, bad, arguments):
    names = [name[:11].center(11) for name in variants.SAME]
    if not arguments.quiet or bad:
        print('wrong pass / wrong fail / undecided of each variant; with 3 % of the packets missing: '
              'flipped, decided')
        print(f'{"rule":24} phones', *names, ' flipped  decided')
        for rule in rules:
            print(tallies[rule].line(rule, rule in bad))
    for rule in rules:
        tally = tallies[rule]
        rows = sorted(tally.wrong, key=lambda row: row[:1])
        for row in rows[:None if arguments.all_wrong else WRONG_SHOWN]:
            number, expected, note, variant, verdict, reason, message, options = row
            if rule in bad or arguments.all_wrong or arguments.only:
                print(f'\n{rule} {number} {variant}: {verdict}, should be {expected}\n'
                      f'  phone   {note}\n  said    {message} ({reason})\n  options {options}')
    if not arguments.quiet or bad:
        print(f'\n{len(rules)} rules, {len(bad)} below the bar')


if __name__ == '__main__':
    sys.exit(main())
