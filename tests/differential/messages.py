#!/usr/bin/env python3
"""Do we see the messages that tshark sees?

  messages.py SIPVET [CAPTURE...]     compare; without captures all files of the corpus

For each file of the corpus (SIPVET_SHARED, default ../shared beside the repository), whatever its format,
compression, link type and tunnels, `sipvet show --messages` is held against FILE.tshark.jsonl, the listing
that tshark made, or of the same capture in another compression; without one tshark found nothing, so that
nothing is expected of us. A message is known by its frame and

  SIP   method or status, Call-ID, CSeq number
  DNS   id

and of each that both have, all is compared that the listing tells of it: when, from where to where and over what
it went, for SIP CSeq method, top branch, tags, request URI, first Contact, expiry and User-Agent, for DNS response
code, truncation, questions and the records of all sections. Neither opinion is the truth: each difference is a
row of differences.tsv that says who is right and why. Its column `what` is `sip` or `dns` for a message that only
one side has, `sip.FIELD` or `dns.FIELD` for one that both have and read differently. A difference without a row
fails, a row without its difference fails, and of the messages that tshark lists in folders other than malformed we
may lack, or read differently, at most one in a hundred.

Exit status: 0 as said, 1 not, 77 skipped (no corpus here).
"""
import collections
import csv
import decimal
import ipaddress
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, 'differences.tsv')
SHARE_MAX = 0.01
SENTENCE_MAX = 600
DAMAGED = 'malformed/'

# What tshark calls the layer that carries a message, and what sipvet does.
TRANSPORTS = {'http': 'tcp', 'websocket': 'ws', 'quic': 'udp'}
# The listing names types beyond those that sipvet names, which writes TYPE65 (RFC 3597).
TYPE_NUMBERS = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'NULL': 10, 'PTR': 12, 'HINFO': 13, 'MX': 15, 'TXT': 16,
                'RP': 17, 'AFSDB': 18, 'SIG': 24, 'KEY': 25, 'AAAA': 28, 'LOC': 29, 'NXT': 30, 'SRV': 33,
                'NAPTR': 35, 'KX': 36, 'CERT': 37, 'A6': 38, 'DNAME': 39, 'OPT': 41, 'APL': 42, 'DS': 43,
                'SSHFP': 44, 'IPSECKEY': 45, 'RRSIG': 46, 'NSEC': 47, 'DNSKEY': 48, 'DHCID': 49, 'NSEC3': 50,
                'NSEC3PARAM': 51, 'TLSA': 52, 'SMIMEA': 53, 'HIP': 55, 'CDS': 59, 'CDNSKEY': 60,
                'OPENPGPKEY': 61, 'CSYNC': 62, 'ZONEMD': 63, 'SVCB': 64, 'HTTPS': 65, 'SPF': 99, 'EUI48': 108,
                'EUI64': 109, 'TKEY': 249, 'TSIG': 250, 'IXFR': 251, 'AXFR': 252, 'MAILB': 253, 'MAILA': 254,
                'ANY': 255, 'URI': 256, 'CAA': 257}
# The types whose data the listing has, and how much of it: None: all; SOA's timers it leaves out.
DATA_FIELDS = {1: None, 2: None, 5: None, 6: 3, 12: None, 15: None, 28: None, 33: None, 35: None}
RCODES = ('NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', 'YXDOMAIN', 'YXRRSET', 'NXRRSET',
          'NOTAUTH', 'NOTZONE')
SECTIONS = (('an', 'answer'), ('ns', 'authority'), ('ar', 'additional'))
OPCODE_UPDATE = 5
TIME_APART_MAX_S = decimal.Decimal('0.000002')  # times are printed in microseconds
COMPRESSED = ('.gz', '.zst', '.xz', '.lz4', '.bz2')


def shared_folder():
    return os.environ.get('SIPVET_SHARED') or os.path.join(HERE, '..', '..', '..', 'shared')


# ---- a message, as either side tells it ----
# Both sides become (identity, fields): a field that a side knows nothing of is left out, and not compared.

def type_number(name):
    if isinstance(name, int):
        return name
    if name in TYPE_NUMBERS:
        return TYPE_NUMBERS[name]
    return int(name[4:]) if name and name.startswith('TYPE') else name


def unescaped(text):
    """A dot within a label is escaped in presentation format (RFC 1035 5.1); tshark writes it as it is."""
    return text.replace('\\.', '.')


def owner(name):
    """'<Root>' is tshark's word for the root, other words in angle brackets say why it is unreadable."""
    if name in ('<Root>', ''):
        return '.'
    return None if not name or name.startswith('<') else unescaped(name)


def record(name, kind, ttl, data):
    """A record as both sides can tell it: no data of types whose data the listing leaves out, and no
    TTL of an OPT record, which has none (RFC 6891 6.1.3)."""
    kind = type_number(kind)
    if kind not in DATA_FIELDS:
        data = None
    elif data is not None:
        data = ' '.join(unescaped(str(data)).replace('<Root>', '.').split(' ')[:DATA_FIELDS[kind]])
    return str(owner(name)), kind, ttl if kind != TYPE_NUMBERS['OPT'] else None, data


def endpoint(address, port):
    return str(ipaddress.ip_address(address)), port


def split_endpoint(text):
    address, _, port = text.rpartition(':')
    return endpoint(address.strip('[]'), int(port))


def first_uri(contact):
    """The first URI of a Contact header, as it stands there."""
    bracketed = re.match(r'\s*(?:"(?:[^"\\]|\\.)*"|[^<",;]*)\s*<([^>]*)>', contact)
    return bracketed.group(1).strip() if bracketed else re.split('[;, \t]', contact.strip())[0]


def contact_expires(contact):
    found = re.search(r';\s*expires\s*=\s*"?(\d+)', contact or '', re.IGNORECASE)
    return int(found.group(1)) if found else None


def their_place(m):
    """tshark lists a quoted message with the addresses of the ICMP error, and nothing of where it went where
    it shows layers one within the other."""
    fields = {'time': decimal.Decimal(m['time']), 'quoted': bool(m.get('icmp'))}
    if m.get('tr') and 'sport' in m:
        fields['transport'] = TRANSPORTS.get(m['tr'], m['tr'])
        fields['ports'] = m['sport'], m['dport']
        if not m.get('icmp'):
            fields['src'], fields['dst'] = endpoint(m['src'], m['sport']), endpoint(m['dst'], m['dport'])
    return fields


def our_place(m):
    src, dst = split_endpoint(m['src']), split_endpoint(m['dst'])
    return {'time': decimal.Decimal(str(m['t'])), 'quoted': m.get('quoted', False), 'transport': m['transport'],
            'ports': (src[1], dst[1]), 'src': src, 'dst': dst}


def their_sip(m):
    fields = their_place(m)
    for name in ('cseq_method', 'branch', 'from_tag', 'to_tag'):
        fields[name] = m.get(name) or None
    fields['uri'] = m.get('ruri')
    fields['contact'] = first_uri(m['contact']) if m.get('contact') else None
    fields['expires'] = m['expires'] if 'expires' in m else contact_expires(m.get('contact'))
    fields['user_agent'] = (m.get('ua') or ('status' in m and m.get('server')) or '').rstrip() or None
    return ('sip', m['frame'], m.get('method') or m.get('status'), m.get('call_id'), m.get('cseq')), fields


def our_sip(m):
    fields = our_place(m)
    fields.update(cseq_method=m['cseq_method'], branch=m['branch'], from_tag=m['from']['tag'],
                  to_tag=m['to']['tag'], uri=m['uri'], contact=m['contact'][0] if m['contact'] else None,
                  expires=m['expires'], user_agent=m['user_agent'])
    return ('sip', m['frame'], m['method'] or m['status'], m['call_id'], m['cseq']), fields


def their_dns(m):
    fields = their_place(m)
    fields['response'] = bool(m.get('qr'))
    fields['rcode'] = m.get('rcode')
    fields['truncated'] = bool(m.get('tc'))
    if m.get('opcode') != OPCODE_UPDATE:  # its sections have other names and are not listed
        questions = m['qs'] if 'qs' in m else [[m.get('qname'), m.get('qtype')]]
        fields['question'] = [(owner(name), type_number(kind)) for name, kind in questions]
        for short, section in SECTIONS:
            fields[section] = sorted([record(*r) for r in m.get(short, [])], key=str)
    return ('dns', m['frame'], m['id']), fields


def our_dns(m):
    fields = our_place(m)
    fields['response'] = m['response']
    fields['rcode'] = m['rcode'] and (RCODES.index(m['rcode']) if m['rcode'] in RCODES else int(m['rcode'][5:]))
    fields['truncated'] = m['truncated']
    fields['question'] = [(owner(q['name']), type_number(q['type'])) for q in m['question']]
    for _, section in SECTIONS:
        fields[section] = sorted([record(r['name'], r['type'], r['ttl_s'], r['data']) for r in m['records']
                                  if r['section'] == section], key=str)
    return ('dns', m['frame'], m['id']), fields


def by_identity(messages):
    """identity -> [fields], in order."""
    found = collections.defaultdict(list)
    for identity, fields in messages:
        found[identity].append(fields)
    return found


def their_messages(listing):
    if not os.path.exists(listing):
        return
    with open(listing, encoding='utf-8') as lines:
        for line in lines:
            m = json.loads(line)
            if m['p'] == 'dns':
                yield their_dns(m)
            elif m['p'] == 'sip' and not m.get('other'):  # keep-alives and pieces without a start line
                yield their_sip(m)


def our_messages(sipvet, capture):
    run = subprocess.run([sipvet, 'show', '--messages', capture], capture_output=True, timeout=120)
    if run.returncode not in (0, 3):
        raise SystemExit('%s: exit status %d: %s' % (capture, run.returncode, run.stderr.decode()))
    for line in run.stdout.decode('utf-8').splitlines():
        m = json.loads(line)
        yield our_sip(m) if m['kind'] == 'sip' else our_dns(m)


def listing_of(path):
    """tshark does not unpack all that we do: any compression of one capture has the same messages."""
    stem = path.removesuffix(next((end for end in COMPRESSED if path.endswith(end)), ''))
    others = [stem + end for end in COMPRESSED] if stem != path else []
    found = [name for name in [path] + others if os.path.exists(name + '.tshark.jsonl')]
    return (found or [path])[0] + '.tshark.jsonl'


def field_differences(one, other, began):
    """(field, sentence) for each; began: when our time 0 is by the listing."""
    for name, value in one.items():
        if name == 'time':
            if abs(value - began - other[name]) > TIME_APART_MAX_S:
                yield name, 'tshark has it at %s s, sipvet at %s s' % (value - began, other[name])
        elif name in other and value != other[name]:
            yield name, 'tshark has %r, sipvet %r' % (value, other[name])


def differences(theirs, ours):
    """(frame, what, sentence, whether tshark has the message) for each."""
    began = None
    for identity in sorted(set(theirs) | set(ours), key=lambda identity: (identity[1], str(identity))):
        kind, frame = identity[:2]
        one, other = theirs.get(identity, []), ours.get(identity, [])
        for _ in range(abs(len(one) - len(other))):
            yield frame, kind, 'only %s has %s' % ('tshark' if len(one) > len(other) else 'sipvet',
                                                   (kind,) + identity[2:]), len(one) > len(other)
        for a, b in zip(one, other):
            began = began if began is not None else a['time'] - b['time']
            for name, sentence in field_differences(a, b, began):
                yield frame, '%s.%s' % (kind, name), sentence, True


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


def explained(rows, capture, frame, what):
    found = False
    for row in rows:
        if row['capture'] == capture and row['what'] == what and (row['frames'] is None or frame in row['frames']):
            row['met'].add(frame)
            found = True
    return found


def stale(row):
    return not row['met'] or bool(row['frames'] and row['frames'] - row['met'])


# ---- the test ----

def captures_of(corpus):
    with open(os.path.join(corpus, 'MANIFEST.tsv'), encoding='utf-8', newline='') as file:
        for row in csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE):
            if os.path.exists(os.path.join(corpus, row['file'])):
                yield row['file']


def main(arguments):
    sipvet, wanted = arguments[0], arguments[1:]
    corpus = os.path.join(shared_folder(), 'corpus')
    if not os.path.exists(os.path.join(corpus, 'MANIFEST.tsv')):
        print('skipped: no corpus at %s (set SIPVET_SHARED)' % corpus)
        return 77
    rows = read_table()
    messages = whole = differing = unexplained = captures = 0
    for capture in captures_of(corpus):
        if wanted and capture not in wanted:
            continue
        path = os.path.join(corpus, capture)
        theirs = by_identity(their_messages(listing_of(path)))
        count = sum(map(len, theirs.values()))
        captures += 1
        messages += count
        found = list(differences(theirs, by_identity(our_messages(sipvet, path))))
        if not capture.startswith(DAMAGED):
            whole += count
            differing += len({frame for frame, _, _, theirs_too in found if theirs_too})
        for frame, what, sentence, _ in found:
            if not explained(rows, capture, frame, what):
                unexplained += 1
                print('%s frame %d %s: %s' % (capture, frame, what, sentence[:SENTENCE_MAX]))
    failed = unexplained > 0
    for row in rows:
        if not wanted and stale(row):
            print('differences.tsv: stale: %s frame %s %s' % (row['capture'], row['frame'], row['what']))
            failed = True
    print('%d captures, %d messages; of %d that are whole %d frames differ (%.2f %%); %d differences unexplained'
          % (captures, messages, whole, differing, 100.0 * differing / max(whole, 1), unexplained))
    if not messages or differing > SHARE_MAX * max(whole, 1):
        print('more than one in a hundred differs' if messages else 'nothing was compared')
        failed = True
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
