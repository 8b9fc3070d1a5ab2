/* Lookups (RFC 1035, 3403, 2782) and SIP messages (RFC 3261) of made-up phones, of the lengths that
 * real ones have. */
#include "speak.h"

#include <stdarg.h>
#include <string.h>

enum { TYPE_A = 1, TYPE_SRV = 33, TYPE_NAPTR = 35, EXPIRES_S = 120, TTL_S = 30 };

uint64_t random_next(uint64_t *state) {
    uint64_t x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

uint32_t random_below(uint64_t *state, uint32_t limit) {
    return (uint32_t)((random_next(state) >> 32) * limit >> 32);
}

void text_add(struct text *text, const char *format, ...) {
    size_t room = sizeof text->bytes - text->len;
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(text->bytes + text->len, room, format, arguments);
    va_end(arguments);
    if (len > 0)
        text->len += (size_t)len < room ? (size_t)len : room - 1;
}

struct speaker speaker_make(uint32_t id, bool tcp, uint64_t seed) {
    struct speaker speaker = {
        .id = id,
        .site = id % 10 == 3 ? SITE_FAILING : SITE_LIVE,
        .tcp = tcp,
        .self = {UINT32_C(0x0a000000) + (1 << 16) + id, 5060},
        .random =
            (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (id + 1) * UINT64_C(0xbf58476d1ce4e5b9),
    };

    speak_new_call(&speaker);
    return speaker;
}

struct place resolver_place(void) {
    return (struct place){UINT32_C(0x0aff0035), 53};
}

struct place server_place(const struct speaker *speaker, unsigned rank) {
    return (struct place){UINT32_C(0x0aff0100) + (uint32_t)speaker->site * 16 + rank, 5060};
}

const char *site_name(const struct speaker *speaker) {
    return speaker->site == SITE_FAILING ? "b.example" : "a.example";
}

/* ---- DNS ---- */

struct packer {
    size_t len;
    uint8_t bytes[512];
};

static void pack_u16(struct packer *p, unsigned value) {
    p->bytes[p->len++] = (uint8_t)(value >> 8);
    p->bytes[p->len++] = (uint8_t)value;
}

static void pack_u32(struct packer *p, uint32_t value) {
    pack_u16(p, value >> 16);
    pack_u16(p, value & 0xffff);
}

static void pack_name(struct packer *p, const char *name) {
    while (*name) {
        size_t len = strcspn(name, ".");
        p->bytes[p->len++] = (uint8_t)len;
        memcpy(p->bytes + p->len, name, len);
        p->len += len;
        name += len + (name[len] == '.');
    }
    p->bytes[p->len++] = 0;
}

static void pack_string(struct packer *p, const char *text) {
    size_t len = strlen(text);

    p->bytes[p->len++] = (uint8_t)len;
    memcpy(p->bytes + p->len, text, len);
    p->len += len;
}

static void pack_head(struct packer *p, unsigned id, unsigned type, const char *name,
                      unsigned answers) {
    pack_u16(p, id);
    pack_u16(p, answers ? 0x8180 : 0x0100);
    pack_u16(p, 1);
    pack_u16(p, answers);
    pack_u32(p, 0);
    pack_name(p, name);
    pack_u16(p, type);
    pack_u16(p, 1);
}

/* The owner is the question's name, at offset 12; returns where the data's length goes. */
static size_t pack_record(struct packer *p, unsigned type) {
    pack_u16(p, 0xc00c);
    pack_u16(p, type);
    pack_u16(p, 1);
    pack_u32(p, TTL_S);
    pack_u16(p, 0);
    return p->len;
}

static void pack_record_end(struct packer *p, size_t data_at) {
    size_t len = p->len - data_at;

    p->bytes[data_at - 2] = (uint8_t)(len >> 8);
    p->bytes[data_at - 1] = (uint8_t)len;
}

static void pack_address(struct packer *p, uint32_t address) {
    size_t at = pack_record(p, TYPE_A);

    pack_u32(p, address);
    pack_record_end(p, at);
}

static void pack_srv(struct packer *p, unsigned priority, const char *target) {
    size_t at = pack_record(p, TYPE_SRV);

    pack_u16(p, priority);
    pack_u16(p, 0);
    pack_u16(p, 5060);
    pack_name(p, target);
    pack_record_end(p, at);
}

static void pack_naptr(struct packer *p, const char *service, const char *replacement) {
    size_t at = pack_record(p, TYPE_NAPTR);

    pack_u16(p, 10);
    pack_u16(p, 10);
    pack_string(p, "s");
    pack_string(p, service);
    pack_string(p, "");
    pack_name(p, replacement);
    pack_record_end(p, at);
}

static void send_dns(const struct packer *p, struct wire *wire, uint64_t t_us, struct place client,
                     bool answer) {
    wire_udp(wire, t_us, answer ? resolver_place() : client, answer ? client : resolver_place(),
             p->bytes, p->len);
}

void speak_lookup(struct speaker *s, struct wire *wire, uint64_t t_us, enum lookup lookup,
                  bool answer) {
    const char *site = site_name(s);
    char service[64], first[64], second[64];
    struct packer p = {.len = 0};

    snprintf(service, sizeof service, "_sip._%s.%s", s->tcp ? "tcp" : "udp", site);
    snprintf(first, sizeof first, "sip1.%s", site);
    snprintf(second, sizeof second, "sip2.%s", site);
    if (!answer) {
        s->query_id = random_below(&s->random, 65536);
        s->query_port = 10000 + random_below(&s->random, 50000);
    }
    switch (lookup) {
    case LOOKUP_NAPTR:
        pack_head(&p, s->query_id, TYPE_NAPTR, site, answer ? 1 : 0);
        if (answer)
            pack_naptr(&p, s->tcp ? "SIP+D2T" : "SIP+D2U", service);
        break;
    case LOOKUP_SRV:
        pack_head(&p, s->query_id, TYPE_SRV, service, answer ? 2 : 0);
        if (answer) {
            pack_srv(&p, 10, first);
            pack_srv(&p, 20, second);
        }
        break;
    case LOOKUP_FIRST:
    case LOOKUP_SECOND:
        pack_head(&p, s->query_id, TYPE_A, lookup == LOOKUP_FIRST ? first : second, answer ? 1 : 0);
        if (answer)
            pack_address(&p, server_place(s, lookup == LOOKUP_FIRST ? 1 : 2).ip);
        break;
    case LOOKUP_COUNT:
        return;
    }
    send_dns(&p, wire, t_us, (struct place){s->self.ip, (uint16_t)s->query_port}, answer);
}

void speak_address_lookup(struct wire *wire, uint64_t t_us, struct place client, unsigned id,
                          const char *name, uint32_t address, bool answer) {
    struct packer p = {.len = 0};

    pack_head(&p, id, TYPE_A, name, answer ? 1 : 0);
    if (answer)
        pack_address(&p, address);
    send_dns(&p, wire, t_us, client, answer);
}

/* ---- SIP ---- */

void speak_new_call(struct speaker *s) {
    s->call_id = random_next(&s->random);
    s->tag = (uint32_t)random_next(&s->random);
    s->cseq = 0;
}

void speak_new_transaction(struct speaker *s) {
    s->branch = random_next(&s->random);
    s->cseq++;
}

struct address_text {
    char text[16];
};

static struct address_text address_text(uint32_t ip) {
    struct address_text out;

    snprintf(out.text, sizeof out.text, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
             ip & 255);
    return out;
}

/* The lines that a request and its response have in common. */
static void add_dialog(const struct speaker *s, struct text *text, const char *method,
                       const char *to_user, bool response) {
    const char *site = site_name(s);
    struct address_text self = address_text(s->self.ip);

    text_add(text, "Via: SIP/2.0/%s %s:%u;branch=z9hG4bK%016llx;rport%s\r\n",
             s->tcp ? "TCP" : "UDP", self.text, s->self.port, (unsigned long long)s->branch,
             response ? "=5060" : "");
    text_add(text, "From: \"Phone %u\" <sip:%u@%s>;tag=%08x\r\n", s->id, 100000 + s->id, site,
             s->tag);
    if (to_user)
        text_add(text, "To: <sip:%s@%s>", to_user, site);
    else
        text_add(text, "To: <sip:%u@%s>", 100000 + s->id, site);
    bool in_dialog = strcmp(method, "BYE") == 0 || strcmp(method, "ACK") == 0;
    text_add(text, "%s\r\n", response || in_dialog ? ";tag=5e7e7a60" : "");
    text_add(text, "Call-ID: %016llx@%s\r\nCSeq: %u %s\r\n", (unsigned long long)s->call_id,
             self.text, s->cseq, method);
}

static void add_session(struct text *text, uint32_t ip) {
    struct address_text address = address_text(ip);
    struct text body;

    body.len = 0;
    text_add(&body, "v=0\r\no=- 20518 0 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n", address.text,
             address.text);
    text_add(&body, "m=audio 16384 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000"
                    "\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n");
    text_add(text, "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s", body.len,
             body.bytes);
}

void speak_request(const struct speaker *s, struct text *text, const char *method,
                   const char *to_user, bool authorization) {
    const char *site = site_name(s);
    struct address_text self = address_text(s->self.ip);
    bool registers = strcmp(method, "REGISTER") == 0;
    char uri[64];

    snprintf(uri, sizeof uri, "sip:%s%s%s", to_user ? to_user : "", to_user ? "@" : "", site);
    text_add(text, "%s %s SIP/2.0\r\n", method, uri);
    add_dialog(s, text, method, to_user, false);
    text_add(text, "Contact: <sip:%u@%s:%u%s>\r\nMax-Forwards: 70\r\n", 100000 + s->id, self.text,
             s->self.port, s->tcp ? ";transport=tcp" : "");
    if (authorization)
        text_add(text,
                 "Authorization: Digest username=\"%u\", realm=\"%s\", nonce=\"%016llx\", "
                 "uri=\"%s\", response=\"%016llx%016llx\", algorithm=MD5, qop=auth, nc=00000001, "
                 "cnonce=\"0a4f113b\"\r\n",
                 100000 + s->id, site, (unsigned long long)(s->call_id ^ s->tag), uri,
                 (unsigned long long)s->branch, (unsigned long long)s->call_id);
    text_add(text, "User-Agent: Bench Phone 1.0.5.15\r\n"
                   "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, UPDATE\r\n"
                   "Supported: path, replaces\r\n");
    if (registers)
        text_add(text, "Expires: %d\r\n", EXPIRES_S);
    if (strcmp(method, "INVITE") == 0)
        add_session(text, s->self.ip);
    else
        text_add(text, "Content-Length: 0\r\n\r\n");
}

void speak_response(const struct speaker *s, struct text *text, unsigned status, const char *method,
                    const char *to_user) {
    static const struct {
        unsigned status;
        const char *phrase;
    } phrases[] = {{100, "Trying"}, {180, "Ringing"}, {200, "OK"}, {401, "Unauthorized"}};
    struct address_text self = address_text(s->self.ip);
    const char *phrase = "";

    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            phrase = phrases[i].phrase;
    text_add(text, "SIP/2.0 %u %s\r\n", status, phrase);
    add_dialog(s, text, method, to_user, true);
    if (status == 401)
        text_add(text,
                 "WWW-Authenticate: Digest realm=\"%s\", nonce=\"%016llx\", algorithm=MD5, "
                 "qop=\"auth\"\r\n",
                 site_name(s), (unsigned long long)(s->call_id ^ s->tag));
    if (status == 200 && strcmp(method, "REGISTER") == 0)
        text_add(text, "Contact: <sip:%u@%s:%u%s>;expires=%d\r\n", 100000 + s->id, self.text,
                 s->self.port, s->tcp ? ";transport=tcp" : "", EXPIRES_S);
    text_add(text, "Server: Bench Proxy 2.4.1\r\n"
                   "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, UPDATE\r\n");
    if (status == 200 && strcmp(method, "INVITE") == 0) {
        text_add(text, "Contact: <sip:%s@10.255.2.1:5060>\r\n", to_user ? to_user : "");
        add_session(text, UINT32_C(0x0aff0201));
    } else {
        text_add(text, "Content-Length: 0\r\n\r\n");
    }
}
