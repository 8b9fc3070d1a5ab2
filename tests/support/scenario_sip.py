"""SIP messages with sensible automatic values: calls, transactions, credentials."""

import hashlib
import re

from scenario_text import ScenarioError
from scenario_wire import token

REASONS = {
    100: 'Trying', 180: 'Ringing', 181: 'Call Is Being Forwarded', 182: 'Queued',
    183: 'Session Progress', 200: 'OK', 202: 'Accepted', 300: 'Multiple Choices',
    301: 'Moved Permanently', 302: 'Moved Temporarily', 305: 'Use Proxy', 400: 'Bad Request',
    401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed',
    407: 'Proxy Authentication Required', 408: 'Request Timeout', 410: 'Gone',
    415: 'Unsupported Media Type', 420: 'Bad Extension', 423: 'Interval Too Brief',
    430: 'Flow Failed', 439: 'First Hop Lacks Outbound Support', 480: 'Temporarily Unavailable',
    481: 'Call/Transaction Does Not Exist', 482: 'Loop Detected', 486: 'Busy Here',
    487: 'Request Terminated', 488: 'Not Acceptable Here', 489: 'Bad Event',
    491: 'Request Pending', 500: 'Server Internal Error', 501: 'Not Implemented',
    502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Server Time-out', 600: 'Busy Everywhere',
    603: 'Decline', 604: 'Does Not Exist Anywhere', 606: 'Not Acceptable',
}
METHODS = {'REGISTER', 'INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'SUBSCRIBE', 'NOTIFY',
           'PUBLISH', 'MESSAGE', 'INFO', 'REFER', 'PRACK', 'UPDATE'}
SINGLE = {'from', 'to', 'call-id', 'cseq', 'contact', 'max-forwards', 'user-agent', 'expires',
          'content-type', 'content-length', 'event', 'server', 'allow', 'retry-after',
          'min-expires', 'authorization', 'proxy-authorization', 'www-authenticate',
          'proxy-authenticate', 'subscription-state'}


def uri_of(text):
    """A SIP URI, with the scheme put before a bare user@host."""
    return text if re.match(r'^[a-z][a-z0-9+.-]*:', text) and '@' not in text.split(':')[0] \
        else 'sip:' + text


class Account:
    def __init__(self, user, domain, host, password='secret', display=None, contact=None):
        self.user = user
        self.domain = domain
        self.host = host
        self.password = password
        self.display = display
        self.contact = contact

    def uri(self):
        return f'sip:{self.user}@{self.domain}'

    def named(self):
        return f'"{self.display}" <{self.uri()}>' if self.display else f'<{self.uri()}>'


class Call:
    """What must be remembered of a Call-ID: a registration, call, subscription, lone request."""

    def __init__(self, name, call_id, host, account, local, remote, tag):
        self.name = name
        self.call_id = call_id
        self.host = host            # the side that began it
        self.account = account
        self.local = local          # name-addr of that side
        self.remote = remote
        self.local_tag = tag
        self.remote_tag = None      # once a dialog stands
        self.remote_target = None
        self.local_target = None
        self.route = []
        self.cseq = {}
        self.invite = None          # the last INVITE transaction
        self.challenge = None       # (header, realm, nonce) of the last 401 or 407
        self.nonce_count = 0
        self.sdp_port = 0


class Transaction:
    """One request as sent: its headers, way and what answers need."""

    def __init__(self, method, uri, headers, body, call, src, dst, way, outward):
        self.method = method
        self.uri = uri
        self.headers = headers
        self.body = body
        self.call = call
        self.src = src
        self.dst = dst
        self.way = way
        self.outward = outward      # sent by the side that began the call
        self.status = None
        self.to_tag = None
        self.branch = None
        self.cseq = None
        self.origin = None          # the request that this one forwards
        self.answer = None          # the last response, as bytes

    def values(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def value(self, name):
        found = self.values(name)
        return found[0] if found else None

    def relay(self, answer):
        """The answer to a forwarded request, for this one: the proxy's own Via taken off."""
        first, rest = answer.split(b'\r\nVia: ', 1)
        self.answer = first + b'\r\n' + rest.split(b'\r\n', 1)[1]
        return self.answer

    def render(self):
        return render(f'{self.method} {self.uri} SIP/2.0', self.headers, self.body)


def render(first, headers, body):
    lines = [first] + [f'{name}: {value}' for name, value in headers]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('utf-8') + body


def sdp(address, port, session):
    family = 'IP4' if address.version == 4 else 'IP6'
    return (f'v=0\r\no=- {session} 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\n'
            f't=0 0\r\nm=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n'
            'a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n').encode()


def apply_headers(headers, options):
    """Put the line's own headers in: single ones replace, others are added; drop those unwanted."""
    for name, value in options.headers:
        at = [i for i, (n, _) in enumerate(headers) if n.lower() == name.lower()]
        if at and name.lower() in SINGLE:
            headers[at[0]] = (name, value)
        elif at:
            headers.insert(at[-1] + 1, (name, value))
        else:
            headers.append((name, value))
    options.headers.clear()
    unwanted = {n.lower() for n in (options.get('without') or '').split(',') if n}
    return [(n, v) for n, v in headers if n.lower() not in unwanted]


def finish_headers(headers, body, content_type):
    """Content-Type and Content-Length, unless the line gave them."""
    names = {n.lower() for n, _ in headers}
    if body and 'content-type' not in names:
        headers.append(('Content-Type', content_type))
    if 'content-length' not in names:
        headers.append(('Content-Length', str(len(body))))
    return headers


def _md5(text):
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Sip:
    """All calls of a scenario and the way their messages are made."""

    def __init__(self, seed, settings):
        self.seed = seed
        self.settings = settings
        self.accounts = []
        self.calls = {}
        self.latest = {}            # (host name, method family) -> call name
        self.count = {}
        self.sides = {}

    def next(self, kind):
        self.count[kind] = self.count.get(kind, 0) + 1
        return self.count[kind]

    def account_of(self, host, name=None):
        for account in self.accounts:
            if name is None and account.host == host.name:
                return account
            if name is not None and name in (account.user, f'{account.user}@{account.domain}'):
                return account
        if name is not None:
            raise ScenarioError(f'no account {name}')
        return None

    def sent_by(self, src, transport):
        """How Via and Contact name a host: what runs in a browser has no address (RFC 7118 5.2)."""
        if transport == 'ws' and self.account_of(src.host):
            return token(self.seed, 'sent-by', src.host.name, length=12) + '.invalid'
        return src.sip_name()

    def _contact(self, account, src, transport):
        if account is not None and account.contact:
            return account.contact
        user = account.user if account is not None else src.host.name
        tail = '' if transport == 'udp' else f';transport={transport}'
        return f'<sip:{user}@{self.sent_by(src, transport)}{tail}>'

    def _call_for(self, method, src, dst, options):
        """The call that a request belongs to: named, or the automatic one of its method."""
        name = options.get('call')
        account = self.account_of(src.host, options.get('account'))
        peer_account = self.account_of(dst.host)
        if name is None:
            who = account.user if account else src.host.name
            family = 'INVITE' if method in ('ACK', 'CANCEL', 'BYE', 'PRACK', 'UPDATE', 'INFO',
                                            'REFER') else method
            pair = frozenset((src.host.name, dst.host.name))
            if method == 'REGISTER':
                name = f'register-{src.host.name}-{who}'
            elif method == 'SUBSCRIBE':
                event = options.values.get('event', 'message-summary')
                name = f'subscribe-{src.host.name}-{who}-{event}'
            elif method == 'NOTIFY':
                name = self.latest.get('SUBSCRIBE')
            elif family == 'INVITE' and method != 'INVITE':
                name = self.latest.get((pair, 'INVITE')) or self.latest.get('INVITE')
                if name is None:
                    raise ScenarioError(f'{method} without a call: name one with call=')
            if name is None:
                name = f'{method.lower()}-{self.next(method)}'
        if method == 'INVITE':
            self.latest['INVITE'] = name
            self.latest[(frozenset((src.host.name, dst.host.name)), 'INVITE')] = name
        if method == 'SUBSCRIBE':
            self.latest['SUBSCRIBE'] = name
        if name not in self.calls:
            domain = self.settings['domain'] or (account or peer_account or Account(
                '', str(dst.address), None)).domain
            if account is None:
                local = f'<{uri_of(options.get("from", f"200@{domain}"))}>'
                remote = peer_account.named() if peer_account else f'<sip:{dst.host.name}@{domain}>'
            else:
                local = account.named()
                remote = local if method in ('REGISTER', 'PUBLISH') else f'<sip:200@{domain}>'
                if method == 'SUBSCRIBE':
                    remote = account.named()
            call_id = f'{token(self.seed, "call", name, length=16)}@{src.bare()}'
            call = Call(name, call_id, src.host.name, account or peer_account, local, remote,
                        token(self.seed, 'tag', name))
            call.sdp_port = 16384 + 2 * (int(token(self.seed, 'rtp', name), 16) % 8000)
            self.calls[name] = call
        return self.calls[name]

    def _credentials(self, call, method, uri, nonce):
        header, realm, last_nonce = call.challenge or ('WWW-Authenticate', None, None)
        nonce = nonce or last_nonce
        if nonce is None:
            raise ScenarioError('auth without a challenge before it: give auth=NONCE')
        account = call.account
        realm = realm or account.domain
        call.nonce_count += 1
        count = f'{call.nonce_count:08x}'
        cnonce = token(self.seed, 'cnonce', call.name, call.nonce_count)
        ha1 = _md5(f'{account.user}:{realm}:{account.password}')
        response = _md5(f'{ha1}:{nonce}:{count}:{cnonce}:auth:{_md5(f"{method}:{uri}")}')
        name = 'Proxy-Authorization' if header == 'Proxy-Authenticate' else 'Authorization'
        return name, (f'Digest username="{account.user}", realm="{realm}", nonce="{nonce}", '
                      f'uri="{uri}", response="{response}", algorithm=MD5, qop=auth, nc={count}, '
                      f'cnonce="{cnonce}"')

    def request(self, method, src, dst, transport, options, way):
        """A new transaction from the words of a request line."""
        call = self._call_for(method, src, dst, options)
        outward = call.host == src.host.name
        if method == 'INVITE' and not outward and call.remote_tag is None:
            outward = True
        override = options.get('call-id')
        if override:
            call.call_id = override
        for side, key in (('local', 'from'), ('remote', 'to')):
            value = options.get(key)
            if value is not None:
                other = {'local': 'remote', 'remote': 'local'}[side]
                setattr(call, side if outward else other,
                        value if '<' in value else f'<{uri_of(value)}>')
        near, far = (call.local, call.remote) if outward else (call.remote, call.local)
        near_tag, far_tag = (call.local_tag, call.remote_tag) if outward \
            else (call.remote_tag or token(self.seed, 'tag', call.name, 'far'), call.local_tag)
        near_tag = options.get('from-tag', near_tag)
        if outward:
            call.local_tag = near_tag
        in_dialog = far_tag is not None and method not in ('REGISTER', 'CANCEL')
        invite = call.invite
        closing = invite is not None and method in ('ACK', 'CANCEL')
        rejected = method == 'ACK' and closing and (invite.status or 0) >= 300

        uri = options.get('uri')
        if uri is None:
            target = call.remote_target if outward else call.local_target
            if closing and (method == 'CANCEL' or rejected):
                uri = invite.uri
            elif method == 'REGISTER':
                uri = f'sip:{call.account.domain}' if call.account else f'sip:{dst.host.name}'
            elif in_dialog and target:
                uri = target
            elif not outward or self.account_of(src.host) is None:
                account = self.account_of(dst.host)
                uri = f'sip:{account.user if account else dst.host.name}@{dst.sip_name()}'
            else:
                uri = re.search(r'<([^>]*)>', far).group(1)
        else:
            uri = uri_of(uri)

        key = (call.call_id, outward)
        cseq = options.get('cseq')
        if cseq in ('same', None) and (cseq == 'same' or closing):
            number = invite.cseq if closing else call.cseq.get(key, 1)
        elif cseq is None:
            number = call.cseq.get(key, 0) + 1
            call.cseq[key] = number
        else:
            number = int(cseq)
            call.cseq[key] = number
        branch = options.get('branch')
        if branch == 'same' or (branch is None and closing and (method == 'CANCEL' or rejected)):
            last = invite if closing else self.sides.get((call.name, outward, method))
            if last is None:
                raise ScenarioError('branch=same without a request before it')
            branch = last.branch
        elif branch is None:
            branch = 'z9hG4bK' + token(self.seed, 'branch', call.name, method,
                                       self.next(('branch', call.name, method)), length=16)
        via = options.get('via') or (
            f'SIP/2.0/{options.get("via-transport", transport).upper()} '
            f'{options.get("sent-by", self.sent_by(src, transport))};branch={branch}'
            + ('' if options.flag('norport') else ';rport'))
        headers = [('Via', via)]
        if in_dialog and outward and call.route and not rejected:
            headers += [('Route', route) for route in call.route]
        if closing and (rejected or method == 'CANCEL'):
            headers += [('Route', route) for route in invite.values('Route')]
        to_tag = options.get('to-tag')
        if to_tag is None:
            to_tag = invite.to_tag if rejected else (far_tag if in_dialog else None)
        display_max = options.get('max-forwards', '70')
        headers.append(('Max-Forwards', display_max))
        headers.append(('From', f'{near};tag={near_tag}'))
        headers.append(('To', far + (f';tag={to_tag}' if to_tag else '')))
        headers.append(('Call-ID', call.call_id))
        headers.append(('CSeq', f'{number} {method}'))
        contact = options.get('contact')
        if contact is not None and '<' not in contact and contact != '*':
            contact = f'<{uri_of(contact)}>'
        if contact is None and method in ('REGISTER', 'INVITE', 'SUBSCRIBE', 'NOTIFY', 'UPDATE',
                                          'REFER'):
            contact = self._contact(self.account_of(src.host, call.account.user
                                                    if outward and call.account
                                                    and call.account.host == src.host.name
                                                    else None), src, transport)
        if contact is not None:
            headers.append(('Contact', contact))
        expires = options.get('expires')
        if method in ('REGISTER', 'SUBSCRIBE', 'PUBLISH'):
            expires = expires if expires is not None else self.settings['expires']
        if expires is not None and expires != 'none':
            headers.append(('Expires', str(expires)))
        event = options.get('event')
        if method in ('SUBSCRIBE', 'NOTIFY', 'PUBLISH'):
            headers.append(('Event', event or 'message-summary'))
        if method == 'NOTIFY':
            headers.append(('Subscription-State', 'active;expires=3600'))
        if method in ('REGISTER', 'INVITE', 'OPTIONS'):
            headers.append(('Allow', 'INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER'))
        agent = options.get('agent') or src.host.agent
        if agent and agent != 'none':
            headers.append(('User-Agent', agent))
        nonce = options.get('auth')
        if options.flag('auth') or nonce is not None:
            headers.append(self._credentials(call, method, uri, nonce))
        body = self._body(options, method == 'INVITE', src, call)
        headers = apply_headers(headers, options)
        headers = finish_headers(headers, body, 'application/sdp')
        tx = Transaction(method, uri, headers, body, call, src, dst, way, outward)
        tx.branch = branch
        tx.cseq = number
        self.sides[(call.name, outward, method)] = tx
        if contact and contact != '*':
            target = re.search(r'<([^>]*)>', contact)
            if target and method == 'INVITE':
                setattr(call, 'local_target' if outward else 'remote_target', target.group(1))
            if target and method == 'SUBSCRIBE' and outward:
                call.local_target = target.group(1)
        if method == 'INVITE':
            call.invite = tx
        return tx

    def _body(self, options, wants_sdp, src, call):
        text = options.get('body')
        if text is not None:
            return text.replace('\r\n', '\n').replace('\n', '\r\n').encode()
        if options.text is not None:
            text, options.text = options.text, None
            return text.encode()
        if options.flag('nosdp'):
            return b''
        if options.flag('sdp') or wants_sdp:
            return sdp(src.address, call.sdp_port,
                       int(token(self.seed, 'sdp', call.name), 16) % 100000)
        return b''

    def response(self, tx, status, options, src, transport):
        """The bytes of a response to a transaction; remembers what it teaches."""
        call = tx.call
        reason = options.get('reason', REASONS.get(status, 'Unknown'))
        tag = options.get('tag')
        to = tx.value('To') or ''
        if status > 100 and ';tag=' not in to:
            if tag is None:
                tag = tx.to_tag or token(self.seed, 'to-tag', call.name, src.host.name)
            to += f';tag={tag}'
        found = re.search(r';tag=([^;]+)$', to)
        tag = found.group(1) if found else None
        headers = [('Via', via) for via in tx.values('Via')]
        for name, value in options.headers:
            if name.lower() == 'via':
                headers = [('Via', value)]
        options.headers = [h for h in options.headers if h[0].lower() != 'via']
        routes = tx.values('Record-Route') + [v for n, v in options.headers
                                              if n.lower() == 'record-route']
        headers += [('Record-Route', v) for v in tx.values('Record-Route')]
        headers += [('From', tx.value('From') or ''), ('To', to),
                    ('Call-ID', tx.value('Call-ID') or ''), ('CSeq', tx.value('CSeq') or '')]
        contact = options.get('contact')
        if contact is not None and '<' not in contact:
            contact = f'<{uri_of(contact)}>'
        expires = options.get('expires')
        if tx.method == 'REGISTER' and 200 <= status < 300:
            granted = expires if expires is not None else tx.value('Expires')
            granted = granted if granted is not None else '3600'
            own = tx.value('Contact')
            if contact is None and own and own != '*' and granted != '0':
                contact = own + f';expires={granted}'
            expires = granted
        elif tx.method == 'SUBSCRIBE' and 200 <= status < 300:
            expires = expires if expires is not None else tx.value('Expires')
        if contact is None and tx.method in ('INVITE', 'SUBSCRIBE') and 100 < status < 300:
            contact = f'<sip:{re.search(r"sip:([^@>;]*)", tx.value("To") or "sip:x").group(1)}' \
                      f'@{src.sip_name()}' + ('' if transport == 'udp'
                                              else f';transport={transport}') + '>'
        if contact is not None:
            headers.append(('Contact', contact))
        if expires is not None and expires != 'none':
            headers.append(('Expires', str(expires)))
        if status in (401, 407):
            name = 'WWW-Authenticate' if status == 401 else 'Proxy-Authenticate'
            realm = options.get('realm') or (call.account.domain if call.account
                                             else src.host.name)
            nonce = options.get('nonce') or token(self.seed, 'nonce', call.name, self.next('nonce'),
                                                  length=24)
            stale = ', stale=true' if options.flag('stale') else ''
            headers.append((name, f'Digest realm="{realm}", nonce="{nonce}", algorithm=MD5, '
                                  f'qop="auth"{stale}'))
            call.challenge = (name, realm, nonce)
            call.nonce_count = 0
        minimum = options.get('min-expires', '60' if status == 423 else None)
        if minimum is not None:
            headers.append(('Min-Expires', minimum))
        after = options.get('retry-after')
        if after is not None:
            headers.append(('Retry-After', after))
        agent = options.get('agent') or src.host.agent
        if agent and agent != 'none':
            is_phone = self.account_of(src.host) is not None
            headers.append(('User-Agent' if is_phone else 'Server', agent))
        body = self._body(options, tx.method == 'INVITE' and status in (183, 200), src, call)
        headers = apply_headers(headers, options)
        headers = finish_headers(headers, body, 'application/sdp')
        tx.status = status
        tx.to_tag = tag
        if tag and tx.method in ('INVITE', 'SUBSCRIBE') and 100 < status < 300 and tx.outward:
            call.remote_tag = tag
            target = re.search(r'<([^>]*)>', contact or '')
            if target:
                call.remote_target = target.group(1)
            if routes:
                call.route = [part.strip() for v in reversed(routes)
                              for part in reversed(v.split(','))]
        tx.answer = render(f'SIP/2.0 {status} {reason}', headers, body)
        return tx.answer
