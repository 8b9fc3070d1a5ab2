#!/usr/bin/python3
"""--merge: rings of files and several capture points are one timeline. Usage: merge_test.py SIPVET"""

import functools
import ipaddress
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))

import capture_sets                    # noqa: E402
from golden import CAPTURES, Case      # noqa: E402

try:
    import jsonschema
except ImportError:
    jsonschema = None

TOOL = None
UDP, TCP, ICMP = 'retry-register-fail-eleven-before-moving', 'failback-mode-pass-sticky-tcp', \
    'icmp-refused-moves-at-once'
PLACES = {'frame', 'frames', 'answer_frame', 'icmp', 'filter'}
SET = {'files', 'file', 'answer_file', 'icmp_files', 'filters', 'offsets_s'}
AHEAD = 3_217_005_000     # ns


def run(command, *words, stdin=b'', limit=None):
    def less():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    return subprocess.run([TOOL, command, *map(str, words)], input=stdin, capture_output=True,
                          timeout=120, check=False, preexec_fn=less if limit else None)


def capture_of(document):
    (capture,) = document['captures']
    return capture


def phones_of(name):
    shown = json.loads(run('show', '--json', Case(CAPTURES / name).capture).stdout)
    return {ipaddress.ip_address(address).packed for phone in capture_of(shown)['phones']
            for address in phone['addresses']}


def bare(value, less):
    """Without these members; times in milliseconds, so that a point's delay does not show."""
    if isinstance(value, dict):
        return {key: bare(v, less) for key, v in value.items() if key not in less}
    if isinstance(value, list):
        return [bare(v, less) for v in value]
    return round(float(value), 2) if isinstance(value, (int, float)) else value


@functools.cache
def whole_of(name):
    """Exit status and capture of a golden case as it is."""
    case = Case(CAPTURES / name)
    status, document, _ = case.run(TOOL)
    return status, capture_of(json.loads(document))


class Sets(unittest.TestCase):
    def setUp(self):
        self.keeper = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.keeper.name)
        self.addCleanup(self.keeper.cleanup)

    def write(self, datas):
        paths = []
        for number, data in enumerate(datas):
            paths.append(self.folder / f'{number}.pcapng')
            paths[-1].write_bytes(data)
        return paths

    def check(self, case, *words, **more):
        options = [o.replace('{dir}', str(case.folder)) for o in case.options()]
        done = run('check', '--json', *options, *words, **more)
        document = json.loads(done.stdout)
        if jsonschema:
            schema = json.loads((ROOT / 'rules/schema/verdict.schema.json').read_text())
            jsonschema.validate(document, schema)
        return done.returncode, capture_of(document)


class Rings(Sets):
    def places(self, value, files):
        """Every frame of a document as its number in the whole, given where the files begin."""
        out = []
        if isinstance(value, list):
            for item in value:
                out += self.places(item, files)
        elif isinstance(value, dict):
            for frames, of in (('frames', 'files'), ('icmp', 'icmp_files')):
                if frames in value:
                    self.assertEqual(len(value[frames]), len(value[of]))
                    out += [files[f] + n for n, f in zip(value[frames], value[of])]
            for frame, of in (('frame', 'file'), ('answer_frame', 'answer_file')):
                if value.get(frame) is not None:
                    out.append(files[value[of]] + value[frame])
            for key, item in value.items():
                if key not in ('filters', 'frames', 'files', 'icmp', 'icmp_files'):
                    out += self.places(item, files)
        return out

    def expect_same(self, name, cuts, order):
        case = Case(CAPTURES / name)
        capture = capture_sets.read(case.capture)
        status, whole = whole_of(name)
        paths = self.write(capture_sets.ring(capture, cuts))
        bounds = [0, *cuts]
        merged_status, merged = self.check(case, '--merge', *(paths[i] for i in order))
        self.assertEqual(status, merged_status)
        self.assertEqual(merged['files'], [str(paths[i]) for i in order])
        self.assertEqual(merged['offsets_s'], [0] * len(paths))
        less = PLACES | SET
        self.assertEqual(bare(whole, less), bare(merged, less))
        single = {0: 0, None: 0}
        whole_frames = json.loads(json.dumps(whole['phones']), object_hook=self.in_file_0)
        self.assertEqual(self.places(whole_frames, single),
                         self.places(merged['phones'], [bounds[i] for i in order]))

    @staticmethod
    def in_file_0(value):
        for frames, of in (('frames', 'files'), ('icmp', 'icmp_files')):
            if frames in value:
                value[of] = [0] * len(value[frames])
        return value

    def test_every_boundary(self):
        total = len(capture_sets.read(CAPTURES / ICMP / 'capture.pcapng').frames)
        for cut in range(total + 1):
            with self.subTest(cut=cut):
                self.expect_same(ICMP, [cut], [1, 0] if cut % 2 else [0, 1])

    def test_thirds_in_any_order(self):
        for name in (UDP, TCP):
            total = len(capture_sets.read(CAPTURES / name / 'capture.pcapng').frames)
            with self.subTest(name):
                self.expect_same(name, [total // 3, total * 2 // 3], [2, 0, 1])

    def test_a_file_for_each_frame_with_few_descriptors(self):
        case = Case(CAPTURES / 'grandstream-grp26xx-figure-4')
        capture = capture_sets.read(case.capture)
        self.write(capture_sets.ring(capture, range(1, len(capture.frames))))
        _, whole = whole_of(case.name)
        _, merged = self.check(case, '--merge', self.folder, limit=16)
        self.assertEqual(len(merged['files']), len(capture.frames))
        self.assertEqual(bare(whole, PLACES | SET), bare(merged, PLACES | SET))

    def test_files_that_overlap(self):
        """What is in two files at the same time is there once, with identifications or without;
        also where it is all of it."""
        names = UDP, 'copies-no-identification', 'sent-twice-no-identification-fail', TCP
        for name in names:
            case = Case(CAPTURES / name)
            capture = capture_sets.read(case.capture)
            frames, total = capture.frames, len(capture.frames)
            status, whole = whole_of(name)
            for begin, end in ((total // 2, total // 2 + 1), (total // 3, total * 2 // 3),
                               (0, total)):
                with self.subTest(name, begin=begin, end=end):
                    parts = [frames[:end], frames[begin:end + 1], frames[begin:]]
                    paths = self.write(capture_sets.scenario_file.encode(
                        'pcapng', capture.faces, part) for part in parts)
                    merged_status, merged = self.check(case, '--merge', *paths)
                    self.assertEqual(status, merged_status)
                    self.assertEqual(merged['offsets_s'], [0, 0, 0])
                    less = PLACES | SET | {'packets', 'warnings'}
                    self.assertEqual(bare(whole, less), bare(merged, less))

    def test_months_between_two_files_are_no_clock_that_was_set(self):
        case = Case(CAPTURES / UDP)
        capture = capture_sets.read(case.capture)
        capture.frames.insert(0, capture.frames.pop())
        for frame in capture.frames[1:]:
            frame.t += 330 * 86400 * capture_sets.SECOND
        early, later = self.write(capture_sets.ring(capture, [1]))
        self.assertEqual(whole_of(UDP)[1]['verdict'], 'fail')
        _, merged = self.check(case, '--merge', early, later)
        self.assertEqual((merged['verdict'], merged['offsets_s']), ('fail', [0, 0]))

    def test_one_capture_is_that_capture(self):
        case = Case(CAPTURES / ICMP)
        self.assertEqual(self.check(case, case.capture), self.check(case, '--merge', case.capture))

    def test_standard_input_is_one_of_them(self):
        case = Case(CAPTURES / ICMP)
        capture = capture_sets.read(case.capture)
        first, second = self.write(capture_sets.ring(capture, [10]))
        _, whole = whole_of(case.name)
        _, merged = self.check(case, '--merge', '-', second, stdin=first.read_bytes())
        self.assertEqual(merged['files'], ['-', str(second)])
        self.assertEqual(bare(whole, PLACES | SET), bare(merged, PLACES | SET))


class Points(Sets):
    LESS = PLACES | SET | {'packets', 'warnings', 'duration_s', 'time'}

    def points(self, name, **how):
        case = Case(CAPTURES / name)
        capture = capture_sets.read(case.capture)
        return case, self.write(capture_sets.two_points(capture, phones_of(name), **how))

    def expect_same(self, name, **how):
        case, paths = self.points(name, **how)
        status, whole = whole_of(name)
        merged_status, merged = self.check(case, '--merge', *paths)
        self.assertEqual(status, merged_status)
        self.assertEqual(bare(whole, self.LESS), bare(merged, self.LESS))
        (near, far) = merged['offsets_s']
        self.assertEqual(near, 0)
        self.assertAlmostEqual(far, -how['offset'] / capture_sets.SECOND, places=3)

    def test_clocks_differ(self):
        for name in (UDP, TCP, ICMP):
            for offset in (AHEAD, -3600 * capture_sets.SECOND, 0)[:3 if name == UDP else 1]:
                with self.subTest(name, offset=offset):
                    self.expect_same(name, offset=offset)

    def test_a_nat_between_them(self):
        public = bytes([100, 64, 77, 7])     # RFC 6598
        for name in (UDP, TCP):
            with self.subTest(name):
                self.expect_same(name, offset=AHEAD, nat={a: public for a in phones_of(name)})

    def test_the_first_file_has_the_clock(self):
        case, (near, far) = self.points(UDP, offset=AHEAD)
        _, merged = self.check(case, '--merge', far, near)
        self.assertEqual(merged['offsets_s'], [0, AHEAD / capture_sets.SECOND])

    def test_a_clock_that_was_never_set(self):
        case, (near, far) = self.points(UDP, offset=-1767225600 * capture_sets.SECOND)
        _, merged = self.check(case, '--merge', far, near)
        self.assertEqual(merged['offsets_s'], [1767225600, 0])
        self.assertEqual(merged['first'][:4], '2026')

    def far_alone(self, name, keep, offset):
        """The verdicts of a case, and of it with a far file of a few frames, its clock ahead."""
        case = Case(CAPTURES / name)
        capture = capture_sets.read(case.capture)
        near, far = self.write(capture_sets.two_points(capture, phones_of(name), offset=offset))
        frames = capture_sets.read(far)
        far.write_bytes(capture_sets.scenario_file.encode(
            'pcapng', frames.faces, [frames.frames[i] for i in keep]))
        return case, near, far

    def test_one_packet_tells_the_clock(self):
        case, near, far = self.far_alone(UDP, [10], AHEAD)
        _, whole = whole_of(UDP)
        _, merged = self.check(case, '--merge', near, far)
        self.assertEqual(bare(whole, self.LESS), bare(merged, self.LESS))
        self.assertAlmostEqual(merged['offsets_s'][1], -AHEAD / capture_sets.SECOND, places=2)

    def test_the_handshake_of_tcp_tells_the_clock(self):
        name = 'order-priority-pass-dead-from-the-start'
        case, near, far = self.far_alone(name, range(2), AHEAD)
        _, whole = whole_of(name)
        _, merged = self.check(case, '--merge', near, far)
        self.assertEqual(bare(whole, self.LESS), bare(merged, self.LESS))

    def test_a_clock_that_cannot_be_told_fails_nobody(self):
        case, near, far = self.far_alone('sent-twice-no-identification-fail', [9], 3 * AHEAD)
        self.assertEqual(whole_of(case.name)[1]['verdict'], 'fail')
        _, merged = self.check(case, '--merge', near, far)
        self.assertEqual(merged['offsets_s'], [0, 0])
        (warning,) = [w for w in merged['warnings'] if w['code'] == 'clock-backwards']
        self.assertIn('how far their clocks are apart', warning['message'])
        reasons = {o['reason'] for phone in merged['phones'] for account in phone['accounts']
                   for result in account['results'] for o in result['occurrences']}
        self.assertEqual(merged['verdict'], 'inconclusive')
        self.assertIn('capture-loss', reasons)
        text = ' '.join(run('check', '--merge', near, far).stdout.decode().split())
        self.assertIn('1.pcapng how far its clock and that of file 1 are apart is not known', text)

    def set_at(self, path, part, step):
        """The clock of this file is set, by so many seconds, after this part of its frames."""
        capture = capture_sets.read(path)
        for frame in capture.frames[int(len(capture.frames) * part):]:
            frame.t += int(step * capture_sets.SECOND)
        path.write_bytes(capture_sets.scenario_file.encode(
            'pcapng', [face.like(resolution=9) for face in capture.faces], capture.frames))

    @staticmethod
    def verdicts(capture):
        return {result['rule']: result['verdict'] for phone in capture['phones']
                for account in phone['accounts'] for result in account['results']}

    def test_a_clock_that_was_set_fails_nobody(self):
        """Its stretches are put right, each by itself; what is there twice is known as such."""
        for name in (ICMP, UDP, TCP):
            for step in (0.5, 2, 30, 300, -30):
                for part in (0.3, 0.6):
                    with self.subTest(name, step=step, part=part):
                        case, (near, far) = self.points(name, offset=AHEAD)
                        self.set_at(far, part, step)
                        _, whole = whole_of(name)
                        _, merged = self.check(case, '--merge', near, far)
                        (warning,) = [w for w in merged['warnings']
                                      if w['code'] == 'clock-backwards']
                        self.assertIn('was set in between', warning['message'])
                        self.assertEqual(
                            {rule: 'inconclusive' if verdict == 'fail' else verdict
                             for rule, verdict in self.verdicts(whole).items()},
                            self.verdicts(merged))
                        if name == ICMP:
                            self.assertEqual(bare(whole, self.LESS), bare(merged, self.LESS))

    def test_a_clock_that_was_set_is_told(self):
        _, (near, far) = self.points(UDP, offset=AHEAD)
        self.set_at(far, 0.5, 30)
        text = ' '.join(run('check', '--merge', near, far).stdout.decode().split())
        self.assertRegex(text, 'another capture point; its clock, 3.217005 s ahead of that of file '
                               '1, is put right; one of the two was set: it is 33.217005 s ahead of '
                               r'it from frame \d+ on')
        self.assertNotIn('mirror ports', text)

    def test_filters_are_of_one_file_each(self):
        case, paths = self.points(UDP, offset=AHEAD)
        _, merged = self.check(case, '--merge', *paths)
        text = run('check', '--set', 'retry.register.tries=7', '--merge', *paths).stdout.decode()
        self.assertIn('2 files: ', text)
        self.assertIn('1.pcapng another capture point; its clock, 3.217005 s ahead of that of file '
                      '1, is put right (told by 25 packets that both have)', ' '.join(text.split()))
        self.assertRegex(text, r'in frames 1:\d+ 1:\d+')
        self.assertRegex(text, r'\n        file 1    frame\.number in \{[\d,.]+\}')
        occurrences = [o for phone in merged['phones'] for account in phone['accounts']
                       for result in account['results'] for o in result['occurrences']]
        self.assertTrue(occurrences)
        for occurrence in occurrences:
            shown = {int(number) for f in occurrence['filters']
                     for number in f['filter'][17:-1].split(',')}
            self.assertEqual(shown, set(occurrence['frames']))
            self.assertEqual({f['file'] for f in occurrence['filters']}, set(occurrence['files']))

    def test_messages(self):
        _, paths = self.points(UDP, offset=AHEAD)
        done = run('show', '--messages', '--merge', *paths)
        self.assertIn(b'1.pcapng: another capture point; its clock, 3.217005 s', done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        times = [line['t'] for line in lines]
        self.assertEqual(times, sorted(times))
        for line in lines:
            self.assertIn((line['frame'], line['file']), zip(line['frames'], line['files']))
        for number, path in enumerate(paths):
            alone = [json.loads(line) for line in run('show', '--messages', path).stdout.splitlines()]
            self.assertEqual([line['frame'] for line in alone],
                             [line['frame'] for line in lines if line['file'] == number])


class Trouble(Sets):
    def setUp(self):
        super().setUp()
        self.case = Case(CAPTURES / ICMP)
        self.paths = self.write(capture_sets.ring(capture_sets.read(self.case.capture), [6, 12]))
        self.known = self.check(self.case, '--merge', *self.paths)

    def spoil(self, *words):
        done = run('check', '--json', *self.case.options(), '--merge', *words)
        return done.returncode, done.stderr.decode(), capture_of(json.loads(done.stdout))

    def test_what_cannot_be_read_is_said_and_the_rest_is_judged(self):
        damaged = self.folder / 'damaged.pcapng'
        empty = self.folder / 'empty.pcapng'
        damaged.write_bytes(self.paths[2].read_bytes()[:-5])
        empty.write_bytes(b'')
        for bad, says in ((empty, 'the file is empty'), (self.folder / 'none', 'cannot open it'),
                          (damaged, 'ends after')):
            good = self.paths[:2] if bad == damaged else self.paths
            with self.subTest(says):
                status, said, capture = self.spoil(bad, *good)
                self.assertEqual(status, 3)
                self.assertIn(f'{bad}: ', said)
                self.assertIn(says, said)
                (warning,) = [w for w in capture['warnings'] if w['code'] == 'damaged']
                self.assertIn(str(bad), warning['message'])
                if bad != damaged:
                    self.assertEqual(bare(capture['phones'], PLACES | SET),
                                     bare(self.known[1]['phones'], PLACES | SET))

    def test_the_same_file_twice_is_taken_once(self):
        link = self.folder / 'link.pcapng'
        link.symlink_to(self.paths[0])
        status, said, capture = self.spoil(*self.paths, link)
        self.assertEqual(said, f'sipvet: {link}: named twice; it is taken once\n')
        self.assertEqual((status, capture), self.known)

    def test_nothing_can_be_read(self):
        status, said, capture = self.spoil(self.folder / 'a', self.folder / 'b')
        self.assertEqual((status, capture['packets'], capture['phones']), (3, 0, []))
        self.assertEqual(said.count('cannot open it'), 2)


if __name__ == '__main__':
    TOOL = sys.argv.pop(1)
    unittest.main()
