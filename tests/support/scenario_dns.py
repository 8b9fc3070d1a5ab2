"""DNS: a zone in master-file form, and the messages that a resolver would answer from it."""

import ipaddress
import struct

from scenario_text import ScenarioError

TYPES = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'PTR': 12, 'TXT': 16, 'AAAA': 28, 'SRV': 33,
         'NAPTR': 35, 'OPT': 41, 'ANY': 255}
RCODES = {'NOERROR': 0, 'FORMERR': 1, 'SERVFAIL': 2, 'NXDOMAIN': 3, 'NOTIMP': 4, 'REFUSED': 5}


def type_number(name):
    if name in TYPES:
        return TYPES[name]
    if name.startswith('TYPE') and name[4:].isdigit():
        return int(name[4:])
    raise ScenarioError(f'unknown record type {name}')


def wire_name(name):
    """A name without compression."""
    name = name.rstrip('.')
    if not name:
        return b'\0'
    out = b''
    for label in name.split('.'):
        raw = label.encode('latin-1')
        if not 0 < len(raw) < 64:
            raise ScenarioError(f'"{name}" is no domain name')
        out += bytes([len(raw)]) + raw
    return out + b'\0'


class Record:
    """One resource record: owner, TTL, type name, record data as words."""

    def __init__(self, name, ttl, kind, data):
        self.name = name
        self.ttl = ttl
        self.kind = kind
        self.data = data

    def rdata(self):
        data = self.data
        try:
            if self.kind in ('A', 'AAAA'):
                return ipaddress.ip_address(data[0]).packed
            if self.kind in ('CNAME', 'NS', 'PTR'):
                return wire_name(data[0])
            if self.kind == 'SRV':
                return struct.pack('!HHH', *map(int, data[:3])) + wire_name(data[3])
            if self.kind == 'NAPTR':
                out = struct.pack('!HH', int(data[0]), int(data[1]))
                for text in data[2:5]:
                    out += bytes([len(text)]) + text.encode()
                return out + wire_name(data[5])
            if self.kind == 'TXT':
                return b''.join(bytes([len(t)]) + t.encode() for t in data)
            if self.kind == 'SOA':
                return wire_name(data[0]) + wire_name(data[1]) \
                    + struct.pack('!IIIII', *map(int, data[2:7]))
            return bytes.fromhex(''.join(data))
        except (IndexError, ValueError, struct.error) as error:
            raise ScenarioError(f'{self.name} {self.kind}: record data "{" ".join(data)}" is '
                                'wrong') from error

    def target(self):
        """The name that the record leads to, or None."""
        at = {'SRV': 3, 'NAPTR': 5, 'CNAME': 0, 'NS': 0}.get(self.kind)
        return None if at is None else self.data[at].rstrip('.')


class Zone:
    """All records that the scenario's name servers know."""

    def __init__(self):
        self.records = []

    def read_block(self, lines, origin='', ttl=3600):
        """Take a zone block; it replaces what was known of the same name and type."""
        fresh = []
        for line in lines:
            words = list(line.words)
            name = self._absolute(words.pop(0), origin)
            this_ttl = ttl
            if words and words[0].isdigit():
                this_ttl = int(words.pop(0))
            if words and words[0].upper() == 'IN':
                words.pop(0)
            if not words:
                raise ScenarioError(f'record of {name} has no type')
            kind = words.pop(0).upper()
            if words == ['none']:
                fresh.append(Record(name, this_ttl, kind, None))
                continue
            record = Record(name, this_ttl, kind, words)
            at = {'SRV': 3, 'NAPTR': 5, 'CNAME': 0, 'NS': 0}.get(kind)
            if at is not None and at < len(words):
                words[at] = self._absolute(words[at], origin) or '.'
            record.rdata()
            fresh.append(record)
        gone = {(record.name.lower(), record.kind) for record in fresh}
        self.records = [r for r in self.records if (r.name.lower(), r.kind) not in gone]
        self.records += [r for r in fresh if r.data is not None]

    @staticmethod
    def _absolute(name, origin):
        if name == '@':
            return origin
        if name.endswith('.') or not origin:
            return name.rstrip('.')
        return f'{name}.{origin}'

    def find(self, name, kind):
        name = name.rstrip('.').lower()
        return [r for r in self.records
                if r.name.lower() == name and (r.kind == kind or kind == 'ANY')]

    def knows(self, name):
        name = name.rstrip('.').lower()
        return any(r.name.lower() == name or r.name.lower().endswith('.' + name)
                   for r in self.records)

    def answer(self, name, kind):
        """(rcode, answer records), following aliases."""
        out = []
        for _ in range(8):
            found = self.find(name, kind)
            alias = [] if found or kind == 'CNAME' else self.find(name, 'CNAME')
            if found:
                return 'NOERROR', out + found
            if not alias:
                return ('NOERROR' if out or self.knows(name) else 'NXDOMAIN'), out
            out += alias
            name = alias[0].target()
        return 'SERVFAIL', []

    def apex(self, name, kind):
        """Records of that kind (SOA, NS) of the zone that holds a name."""
        labels = name.rstrip('.').split('.')
        for at in range(len(labels)):
            found = self.find('.'.join(labels[at:]), kind)
            if found:
                return found
        return []

    def additional(self, answers):
        """Addresses (and for NAPTR the SRV records) of what the answers lead to."""
        out = []
        for record in answers:
            if record.kind == 'NAPTR':
                srv = self.find(record.target(), 'SRV')
                out += srv
                out += self.additional(srv)
            elif record.kind == 'SRV':
                out += self.find(record.target(), 'A') + self.find(record.target(), 'AAAA')
        seen = []
        for record in out:
            if record not in seen:
                seen.append(record)
        return seen


class Writer:
    """A message under construction; owner names are compressed, record data is not (RFC 2782)."""

    def __init__(self):
        self.out = bytearray(12)
        self.known = {}

    def name(self, name):
        labels = [label for label in name.rstrip('.').split('.') if label]
        for at in range(len(labels)):
            rest = '.'.join(labels[at:])
            if rest.lower() in self.known:
                self.out += struct.pack('!H', 0xC000 | self.known[rest.lower()])
                return
            if len(self.out) < 0x4000:
                self.known[rest.lower()] = len(self.out)
            self.out += bytes([len(labels[at])]) + labels[at].encode('latin-1')
        self.out += b'\0'

    def record(self, record, ttl=None):
        self.name(record.name)
        data = record.rdata()
        self.out += struct.pack('!HHIH', type_number(record.kind), 1,
                                record.ttl if ttl is None else ttl, len(data)) + data


def message(ident, name, kind, response=False, rcode='NOERROR', answers=(), authority=(),
            additional=(), truncated=False, authoritative=False, recursion=True,
            available=True, edns=None, ttl=None):
    """The bytes of a query or an answer."""
    writer = Writer()
    flags = (0x8000 if response else 0) | (0x0400 if authoritative else 0) \
        | (0x0200 if truncated else 0) | (0x0100 if recursion else 0) \
        | (0x0080 if response and recursion and available else 0) | RCODES[rcode]
    writer.name(name)
    writer.out += struct.pack('!HH', type_number(kind), 1)
    for section in (answers, authority, additional):
        for record in section:
            writer.record(record, ttl)
    if edns is not None:
        writer.out += b'\0' + struct.pack('!HHIH', 41, edns, 0, 0)
    struct.pack_into('!HHHHHH', writer.out, 0, ident, flags, 1, len(answers), len(authority),
                     len(additional) + (edns is not None))
    return bytes(writer.out)
