#!/usr/bin/env python3
"""Do we see the messages that tshark sees?

  messages.py SIPVET [CAPTURE...]     compare; without captures all that MANIFEST.tsv lists

For each capture of the corpus (SIPVET_SHARED, default ../shared beside the repository), pcap or pcapng,
not compressed, of one of the link types below, `sipvet show --messages` is held against
CAPTURE.tshark.jsonl, the listing that tshark made:

  SIP   frame, method or status, Call-ID, CSeq number
  DNS   frame, id, questions, answers of the types A, AAAA, SRV, NAPTR and CNAME

What tshark found inside tunnels, TLS, WebSocket, SCTP or HEP is put aside, with all that we find in those
frames. Neither opinion is the truth: each difference is a row of differences.tsv that says who is right and
why. A difference without a row fails, a row without its difference fails, and at most one message in a
hundred may differ.

Exit status: 0 as said, 1 not, 77 skipped (no corpus here).
"""
import collections
import csv
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, 'differences.tsv')
SHARE_MAX = 0.01

LINK_TYPES = {'EN10MB(1)', 'LINUX_SLL(113)', 'LINUX_SLL2(276)', 'RAW(101)', 'RAW(12)', 'IPV4(228)',
              'IPV6(229)', 'NULL(0)', 'LOOP(108)'}
MAGIC = {b'\xd4\xc3\xb2\xa1', b'\xa1\xb2\xc3\xd4', b'\x4d\x3c\xb2\xa1', b'\xa1\xb2\x3c\x4d', b'\x0a\x0d\x0d\x0a'}
# Layers below a message that is not in a tunnel.
LAYERS = {'eth', 'ethertype', 'sll', 'raw', 'null', 'loop', 'vlan', 'pppoes', 'ppp', 'ip', 'ipv6',
          'ipv6.fraghdr', 'ipv6.hopopts', 'ipv6.dstopts', 'ipv6.routing', 'udp', 'tcp', 'icmp', 'icmpv6'}
# The listing names types beyond those that sipvet names, which writes TYPE65 (RFC 3597).
TYPE_NUMBERS = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'NULL': 10, 'PTR': 12, 'HINFO': 13, 'MX': 15, 'TXT': 16,
                'RP': 17, 'AFSDB': 18, 'SIG': 24, 'KEY': 25, 'AAAA': 28, 'LOC': 29, 'NXT': 30, 'SRV': 33,
                'NAPTR': 35, 'KX': 36, 'CERT': 37, 'A6': 38, 'DNAME': 39, 'OPT': 41, 'APL': 42, 'DS': 43,
                'SSHFP': 44, 'IPSECKEY': 45, 'RRSIG': 46, 'NSEC': 47, 'DNSKEY': 48, 'DHCID': 49, 'NSEC3': 50,
                'NSEC3PARAM': 51, 'TLSA': 52, 'SMIMEA': 53, 'HIP': 55, 'CDS': 59, 'CDNSKEY': 60,
                'OPENPGPKEY': 61, 'CSYNC': 62, 'ZONEMD': 63, 'SVCB': 64, 'HTTPS': 65, 'SPF': 99, 'EUI48': 108,
                'EUI64': 109, 'TKEY': 249, 'TSIG': 250, 'IXFR': 251, 'AXFR': 252, 'MAILB': 253, 'MAILA': 254,
                'ANY': 255, 'URI': 256, 'CAA': 257}
COMPARED_TYPES = {1, 5, 28, 33, 35}
OPCODE_UPDATE = 5


def shared_folder():
    return os.environ.get('SIPVET_SHARED') or os.path.join(HERE, '..', '..', '..', 'shared')


# ---- what is compared ----

def type_number(name):
    if isinstance(name, int):
        return name
    if name in TYPE_NUMBERS:
        return TYPE_NUMBERS[name]
    return int(name[4:]) if name and name.startswith('TYPE') else name


def owner(name):
    """'<Root>' is tshark's word for the root, other words in angle brackets say why it is unreadable."""
    if name in ('<Root>', ''):
        return '.'
    return None if name and name.startswith('<') else name


def sip_key(frame, method_or_status, call_id, cseq):
    return 'sip', frame, method_or_status, call_id, cseq


def dns_key(frame, ident, questions, answers):
    return ('dns', frame, ident, tuple((owner(name), type_number(kind)) for name, kind in questions),
            tuple(sorted((str(owner(name)), type_number(kind), str(data).replace('<Root>', '.'))
                         for name, kind, data in answers if type_number(kind) in COMPARED_TYPES)))


def in_tunnel(stack):
    """Whether the first message of this stack of protocols lies deeper than on plain IP."""
    below = []
    for layer in stack.split(':'):
        if layer in ('sip', 'dns'):
            break
        below.append(layer)
    hops = sum(layer in ('ip', 'ipv6') for layer in below)
    quoted = 'icmp' in below or 'icmpv6' in below
    return not LAYERS.issuperset(below) or hops > (2 if quoted else 1)


def their_messages(listing):
    """Counter of keys, and the frames that are put aside."""
    keys, aside, updates = collections.Counter(), set(), set()
    if not os.path.exists(listing):
        return keys, aside, updates
    with open(listing, encoding='utf-8') as lines:
        for line in lines:
            m = json.loads(line)
            if m['p'] == 'error':
                continue
            if in_tunnel(m['stack']):
                aside.add(m['frame'])
            elif m['p'] == 'sip':
                if not m.get('other'):  # keep-alives and pieces without a start line
                    keys[sip_key(m['frame'], m.get('method') or m.get('status'), m.get('call_id'),
                                 m.get('cseq'))] += 1
            else:
                questions = m['qs'] if 'qs' in m else [[m.get('qname'), m.get('qtype')]]
                answers = [(name, kind, data) for name, kind, _, data in m.get('an', [])]
                if m.get('opcode') == OPCODE_UPDATE:  # its sections have other names and are not listed
                    updates.add(m['frame'])
                    questions, answers = [], []
                keys[dns_key(m['frame'], m['id'], questions, answers)] += 1
    for key in [key for key in keys if key[1] in aside]:
        del keys[key]
    return keys, aside, updates


def our_messages(sipvet, capture, aside, updates):
    run = subprocess.run([sipvet, 'show', '--messages', capture], capture_output=True, timeout=120)
    if run.returncode not in (0, 3):
        raise SystemExit('%s: exit status %d: %s' % (capture, run.returncode, run.stderr.decode()))
    keys = collections.Counter()
    for line in run.stdout.decode('utf-8').splitlines():
        m = json.loads(line)
        if m['frame'] in aside:
            continue
        if m['kind'] == 'sip':
            keys[sip_key(m['frame'], m['method'] or m['status'], m['call_id'], m['cseq'])] += 1
        elif m['frame'] in updates:
            keys[dns_key(m['frame'], m['id'], [], [])] += 1
        else:
            keys[dns_key(m['frame'], m['id'], [(q['name'], q['type']) for q in m['question']],
                         [(r['name'], r['type'], r['data']) for r in m['records']
                          if r['section'] == 'answer'])] += 1
    return keys


# ---- the table ----

def frames_of(text):
    """'3,7-9' as a set; '*' as None."""
    if text == '*':
        return None
    frames = set()
    for part in text.split(','):
        first, _, last = part.partition('-')
        frames.update(range(int(first), int(last or first) + 1))
    return frames


def read_table():
    with open(TABLE, encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE))
    for row in rows:
        row['frames'] = frames_of(row['frame'])
        row['met'] = set()
    return rows


def explained(rows, capture, key):
    found = False
    for row in rows:
        if row['capture'] == capture and row['what'] == key[0] and (row['frames'] is None or key[1] in row['frames']):
            row['met'].add(key[1])
            found = True
    return found


def stale(row):
    return not row['met'] or bool(row['frames'] and row['frames'] - row['met'])


# ---- the test ----

def captures_of(corpus):
    with open(os.path.join(corpus, 'MANIFEST.tsv'), encoding='utf-8', newline='') as file:
        for row in csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE):
            path = os.path.join(corpus, row['file'])
            if row['link_types'] not in LINK_TYPES or not os.path.exists(path):
                continue
            with open(path, 'rb') as capture:
                if capture.read(4) in MAGIC:
                    yield row['file']


def main(arguments):
    sipvet, wanted = arguments[0], arguments[1:]
    corpus = os.path.join(shared_folder(), 'corpus')
    if not os.path.exists(os.path.join(corpus, 'MANIFEST.tsv')):
        print('skipped: no corpus at %s (set SIPVET_SHARED)' % corpus)
        return 77
    rows = read_table()
    total = differing = unexplained = captures = 0
    for capture in captures_of(corpus):
        if wanted and capture not in wanted:
            continue
        path = os.path.join(corpus, capture)
        theirs, aside, updates = their_messages(path + '.tshark.jsonl')
        ours = our_messages(sipvet, path, aside, updates)
        missing, extra = theirs - ours, ours - theirs
        captures += 1
        total += sum(theirs.values())
        differing += max(sum(missing.values()), sum(extra.values()))
        for key in sorted(list(missing) + list(extra), key=lambda key: (key[1], str(key))):
            if not explained(rows, capture, key):
                unexplained += 1
                print('%s frame %d: only %s has %s' % (capture, key[1], 'tshark' if key in missing else 'sipvet',
                                                       (key[0],) + key[2:]))
    failed = unexplained > 0
    for row in rows:
        if not wanted and stale(row):
            print('differences.tsv: stale: %s frame %s %s' % (row['capture'], row['frame'], row['what']))
            failed = True
    print('%d captures, %d messages, %d differ (%.2f %%), %d of them unexplained'
          % (captures, total, differing, 100.0 * differing / max(total, 1), unexplained))
    if not total or differing > SHARE_MAX * total:
        print('more than one in a hundred differs' if total else 'nothing was compared')
        failed = True
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
