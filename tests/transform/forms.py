"""The forms: what is done to a capture, what it must not rest on for that, what may differ then."""

import changes
import files
import links

MILLI = 0.001


class Form:
    """One form.

    change    None or Subject -> (faces, frames); made a file, or several, by write
    points    Subject -> [(faces, frames)], a file each; instead of change
    without   properties that exclude a capture
    numbered  frames keep their numbers
    slack     seconds by which times may differ
    explains  warnings that are the form's own
    mac       link addresses come through
    """

    def __init__(self, name, change=None, write=None, without=(), numbered=True, slack=0.0,
                 explains=(), mac=True, merge=False, points=None):
        self.name, self.change, self.write = name, change, write or files.pcapng()
        self.without, self.numbered, self.slack = tuple(without), numbered, slack
        self.explains, self.mac, self.merge, self.points = set(explains), mac, merge, points

    def files(self, subject):
        """The bytes of the file, or of the files, of this form; and the number of frames."""
        secrets = subject.capture.secrets
        if self.points is not None:
            points = self.points(subject)
            return ([self.write(*point, secrets)[0] for point in points],
                    sum(len(frames) for _, frames in points))
        faces, frames = (subject.faces, subject.frames) if self.change is None \
            else self.change(subject)
        return self.write(faces, frames, secrets), len(frames)

    def excluded(self, properties):
        """Why a capture with these properties cannot take this form, or None."""
        return next((name for name in self.without if name in properties), None)


PCAP = ('several-links', 'dropped', 'secrets')
ETHERNET = ('opaque', 'other-link')
NEEDS = {
    'mac': ('no-mac',),
    'ip': ('dhcp', 'shared-mac', 'twins'),
    'ip+mac': ('no-mac',),
}
WHOLE = (*ETHERNET, 'cut', 'bad-sums', 'fragments')
HEP = (*WHOLE, *NEEDS['ip'], 'ident-holes', 'copies', 'fine-times', 'no-sip')
# Counts of frames, where there are more of them.
TWICE = ('duplicate-packets', 'truncated-packets', 'bad-checksum')
BETWEEN = ('clock-backwards',)      # times of different interfaces may step back


def _link(name):
    """The form of a row of links.py."""
    needs = NEEDS[links.LINKS[name][1]]
    if name == 'fcs':
        return Form(name, lambda s: changes.relinked(s, name), files.pcapng(fcs=4),
                    (*needs, 'cut'))
    if name == 'snap':
        needs = *needs, 'giant'
    return Form(name, lambda s: changes.relinked(s, name), without=needs,
                mac=links.LINKS[name][1] != 'ip')


def _moved(subject, seconds=100_000_000.25):
    """A clock that is wrong by years."""
    return subject.faces, [changes.Frame(f.t + int(seconds * 10 ** 9), f.interface, f.data,
                                         f.length, f.comment) for f in subject.frames]


def _snapped(subject):
    """A snapshot length that cuts nothing."""
    most = max((len(frame.data) for frame in subject.frames), default=1)
    return [face.like(snaplen=most) for face in subject.faces], subject.frames


def _then(*steps):
    """Changes one after another."""
    def change(subject):
        for step in steps[:-1]:
            subject = subject.then(*step(subject))
        return steps[-1](subject)
    return change


FILES = [
    Form('pcap', write=files.pcap('pcap'), without=(*PCAP, 'fine-times')),
    Form('pcap-be', write=files.pcap('pcap-be'), without=(*PCAP, 'fine-times')),
    Form('pcap-ns', write=files.pcap('pcap-ns'), without=PCAP),
    Form('pcap-be-ns', write=files.pcap('pcap-be-ns'), without=PCAP),
    Form('pcap-modified', write=files.pcap_modified, without=(*PCAP, 'fine-times')),
    Form('pcapng-ns'),
    Form('pcapng-be', write=files.pcapng(order='>')),
    Form('pcapng-blocks', write=files.pcapng(chatty=True)),
    Form('pcapng-records', write=files.pcapng(chatty=True, records=True), numbered=False),
    Form('pcapng-obsolete', write=files.pcapng(obsolete=True)),
    Form('pcapng-picoseconds', write=files.pcapng(True, digits=12)),
    Form('pcapng-binary-ticks', write=files.pcapng(binary=32)),
    Form('pcapng-time-offset', write=files.pcapng(True, digits=7),
         without=('fine-times',)),
    Form('pcapng-sections', write=files.sections, without=('short',)),
    Form('snaplen', _snapped, without=('cut',)),
    Form('clock', _moved),
    *(Form(how, write=files.compressed(how)) for how in files.COMPRESS),
    Form('three-files', write=files.three_files, without=('short',), merge=True),
]

CHANGES = [
    Form('mixed', lambda s: changes.relinked(s, 'ethernet', 'sll2', 'vlan'), without=NEEDS['mac'],
         explains=BETWEEN),
    Form('mixed-any', lambda s: changes.relinked(s, 'ethernet', 'raw', 'sll', 'null'),
         without=(*NEEDS['ip'], 'no-mac'), explains=BETWEEN, mac=False),
    Form('others', changes.among_others, numbered=False, without=('backwards', 'short')),
    Form('copies', changes.copied, numbered=False, explains=TWICE),
    Form('copies-3', lambda s: changes.copied(s, (50_000, 120_000)), numbered=False,
         explains=TWICE),
    Form('copies-vlan', changes.copied_tagged, numbered=False, explains=TWICE, without=ETHERNET),
    Form('copies-routed', changes.copied_routed, numbered=False, explains=TWICE, without=ETHERNET),
    Form('copies-nat', changes.copied_nat, numbered=False, explains=TWICE, slack=0.00015,
         without=(*WHOLE, 'no-inside', 'no-ipv4', 'copies', 'backwards')),
    Form('any-bridge', changes.on_two_interfaces, numbered=False, explains=TWICE,
         without=NEEDS['mac']),
    Form('copies-erspan', _then(changes.copied, lambda s: changes.relinked(s, 'erspan-2')),
         numbered=False, explains=TWICE, without=NEEDS['mac']),
    Form('fragments', changes.fragmented, numbered=False, explains=TWICE,
         without=('opaque', 'no-large', 'cut', 'copies')),
    Form('fragments-reversed', lambda s: changes.fragmented(s, backwards=True), numbered=False,
         explains=TWICE, without=('opaque', 'no-large', 'cut', 'copies')),
    Form('fragments-small', lambda s: changes.fragmented(s, 204), numbered=False, explains=TWICE,
         without=('opaque', 'cut', 'copies')),
    Form('fragments-vlan', _then(changes.fragmented, lambda s: changes.relinked(s, 'vlan')),
         numbered=False, explains=TWICE, without=(*NEEDS['mac'], 'no-large', 'cut', 'copies')),
    Form('fragments-copies', _then(changes.fragmented, changes.copied), numbered=False,
         explains=TWICE, without=('opaque', 'no-large', 'cut', 'copies', 'backwards')),
    *(Form('segments' + ('' if way == 'in-order' else '-' + way),
           lambda s, way=way: changes.resegmented(s, way), numbered=False,
           explains=TWICE,
           without=('opaque', 'cut', 'no-tcp-data', 'bad-sums',
                    *(('joined', 'overtaken') if way == 'reordered' else ())))
      for way in ('in-order', 'reordered', 'overlapping', 'repeated')),
    Form('offloaded', changes.offloaded, without=('opaque', 'cut', 'bad-sums', 'no-inside')),
    Form('offloaded-server', lambda s: changes.offloaded(s, False),
         without=('opaque', 'cut', 'bad-sums', 'no-inside')),
    Form('hep', changes.hep, mac=False, without=(*HEP, 'more-than-sip')),
    Form('hep-and-the-rest', changes.hep, mac=False, without=HEP),
    Form('two-points', points=changes.two_points, merge=True, numbered=False, slack=MILLI,
         explains=TWICE, without=(*ETHERNET, 'no-inside', 'backwards')),
    Form('two-points-holes', points=lambda s: changes.two_points(s, True), merge=True, mac=False,
         numbered=False, slack=MILLI, explains=TWICE,
         without=(*ETHERNET, 'no-inside', 'backwards', 'few', 'copies',
                  'two-addresses')),
]

FORMS = [*FILES, *map(_link, links.LINKS), *CHANGES]
