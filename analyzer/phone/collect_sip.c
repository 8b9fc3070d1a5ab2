/* SIP messages become client transactions with their sends and responses.
 *
 * The key of a send is method, Via branch, CSeq and destination (contract section 6): one stack
 * fails over with the same branch and CSeq at the next server. Where the branch lacks the magic
 * cookie z9hG4bK, Call-ID, CSeq and From tag take its place (RFC 3261 17.2.3).
 */
#include "phone/collect.h"

#include <stdlib.h>

/* What a transaction may be silent for and still be answered: a call that rings says so every
 * minute (RFC 3261 13.3.1.1), and no proxy waits longer than three (16.6, Timer C). */
#define IN_FLIGHT_NS ((int64_t)200 * 1000000000)

static const char *keep(struct collection *c, struct slice text) {
    return text.len ? intern_text(&c->strings, text) : NULL;
}

/* What seldom comes twice is not looked for among what was kept. */
static const char *keep_own(struct collection *c, struct slice text) {
    return text.len ? arena_text(&c->arena, text) : NULL;
}

static bool has_cookie(struct slice branch) {
    return slice_starts_nocase(branch, SLICE_LITERAL("z9hG4bK"));
}

/* Of method, branch (or Call-ID and From tag), CSeq and the client's address. Destinations share
 * it: the records of a key are chained through `older`. */
static uint64_t tx_key(const struct message *m, const struct ip_addr *client) {
    const struct sip_head *head = m->sip;
    struct sip_head room;
    struct {
        struct ip_addr client;
        uint8_t zero[3];
        uint32_t method, cseq;
    } fixed;

    memset(&fixed, 0, sizeof fixed);
    fixed.client = *client;
    fixed.method = head->method;
    fixed.cseq = head->cseq;
    uint64_t key = index_key(&fixed, sizeof fixed, 10);
    if (has_cookie(head->branch))
        return index_key(head->branch.ptr, head->branch.len, key);
    key = index_key(head->call_id.ptr, head->call_id.len, key);
    head = collect_details(m, &room);
    return index_key(head->from.tag.ptr, head->from.tag.len, key);
}

/* Expires header, else the first Contact's parameter (RFC 3261 10.2.1.1, 10.2.4 ask the parameter
 * first; the contract prints the header first, and so does the story). In other requests than
 * REGISTER that parameter has no meaning (20.10). */
static bool expires_of(const struct message *m, uint32_t *expires_s) {
    const struct sip_head *head = m->sip;
    struct sip_head room;

    if (head->has_expires) {
        *expires_s = head->expires;
        return true;
    }
    if (!head->contact_count || head->method != SIP_REGISTER)
        return false;
    head = collect_details(m, &room);
    if (head->has_contact_expires)
        *expires_s = head->contact_expires;
    return head->has_contact_expires;
}

/* Does a NOTIFY end its subscription: "Subscription-State: terminated" (RFC 6665 4.1.3)? */
static bool ends_subscription(const struct message *m) {
    struct slice rest = m->bytes;

    if (m->sip->head_len)
        rest = slice_between(rest, 0, m->sip->head_len);
    while (rest.len) {
        size_t end = slice_find(rest, '\n');
        struct slice line = slice_between(rest, 0, end);
        size_t colon = slice_find(line, ':');
        slice_skip(&rest, end < rest.len ? end + 1 : end);
        if (colon == line.len || !slice_starts_nocase(line, SLICE_LITERAL("Subscription-State")))
            continue;
        slice_skip(&line, colon + 1);
        while (line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
            slice_skip(&line, 1);
        return slice_starts_nocase(line, SLICE_LITERAL("terminated"));
    }
    return false;
}

static struct tx *add_tx(struct collection *c, const struct message *m, uint64_t key,
                         uint32_t index) {
    const struct sip_head *head = m->sip;

    if (c->txs.n >= COLLECT_MAX) {
        c->limit_records++;
        return NULL;
    }
    uint32_t at = (uint32_t)c->txs.n;
    const struct wording *wording = &c->wordings.items[index];
    struct tx *tx = ARRAY_ADD(&c->txs);
    *tx = (struct tx){
        .told =
            {
                .branch = keep_own(c, head->branch),
                .call_id = wording->call_id,
                .from_tag = wording->from_tag,
                .to_tag = wording->to_tag,
                .nonce = keep_own(c, head->auth_nonce),
                .source = m->packet.src,
                .via_ip = wording->via_ip,
                .via_port = wording->via_port,
                .cseq = head->cseq,
                .cut = (m->notes & (MESSAGE_CUT_BY_SNAPLEN | MESSAGE_CUT_BY_GAP)) != 0 &&
                       !head->head_len,
                .credentials = head->has_authorization,
                .conn_id = m->conn ? m->conn->id : 0,
                .size = m->bytes.len > UINT32_MAX ? UINT32_MAX : (unsigned)m->bytes.len,
            },
        .dst = m->packet.dst,
        .transport = m->transport,
        .method = head->method,
        .wording = index,
        .first_response = NONE,
        .last_response = NONE,
        .point = m->packet.point,
        .ends_subscription = head->method == SIP_NOTIFY && ends_subscription(m),
    };
    tx->told.has_expires = expires_of(m, &tx->told.expires_s);
    tx->older = passing_get(&c->tx_of, key);
    passing_put(&c->tx_of, key, at);
    struct seen_host *host = &c->hosts.items[wording->host];
    tx->before = host->newest_tx;
    host->newest_tx = at;
    return tx;
}

/* What a request says of the host that sent it, and of the one that it went to. */
static void note_hosts(struct collection *c, const struct message *m, struct wording *wording) {
    const struct sip_head *head = m->sip;
    const struct ip_addr *dst = &m->packet.dst.ip;
    bool relayed = head->via_count > 1 || head->record_route_count > 0;
    struct seen_host *host = &c->hosts.items[wording->host];

    host->last_ns = m->packet.t_ns;
    if (relayed)
        host->relay = true;
    else if (!wording->multicast)
        host->requests++;
    if (!host->first_frame)
        host->first_frame = m->packet.frame_no;
    if (m->packet.mac_src.known && m->packet.hops >= host->mac_hops)
        host->mac = m->packet.mac_src;
    if (wording->method == SIP_REGISTER && !wording->multicast) {
        if (wording->sent_to == NONE || !ip_eq(&c->hosts.items[wording->sent_to].ip, dst))
            wording->sent_to = collect_host(c, dst, m->packet.t_ns);
        c->hosts.items[wording->sent_to].last_ns = m->packet.t_ns;
        c->hosts.items[wording->sent_to].registrar = true;
    }
}

/* A send that is repeated in the moment in which it is answered: only the order went wrong. */
static void answer_later(struct response *told, int64_t sent_ns) {
    told->t_ns = answered_ns(sent_ns, told->t_ns);
}

static struct tx *find_request(struct collection *c, const struct message *m, uint64_t key) {
    for (uint32_t at = passing_get(&c->tx_of, key); at != NONE; at = c->txs.items[at].older) {
        struct tx *known = &c->txs.items[at];
        if (endpoint_eq(&known->dst, &m->packet.dst) && known->transport == m->transport &&
            known->method == m->sip->method && ip_eq(&known->told.source.ip, &m->packet.src.ip))
            return known;
    }
    return NULL;
}

struct tx *collect_known_request(struct collection *c, const struct message *m, uint64_t *key) {
    *key = tx_key(m, &m->packet.src.ip);
    return find_request(c, m, *key);
}

static void add_request(struct collection *c, const struct message *m) {
    uint64_t key = tx_key(m, &m->packet.src.ip);

    passing_turn(&c->tx_of, m->packet.t_ns, IN_FLIGHT_NS);
    passing_expect(&c->tx_of, key);
    uint32_t wording = collect_wording(c, m);
    orphans_expire(c, m->packet.t_ns);
    struct tx *tx = find_request(c, m, key);
    if (!tx) {
        tx = add_tx(c, m, key, wording);
        if (tx && c->damaged_next)
            damaged_join(c, tx, key, m->packet.t_ns);
    } else if (tx->last_response != NONE) {
        answer_later(&c->responses.items[tx->last_response].told, m->packet.t_ns);
    }
    if (tx) {
        note_hosts(c, m, &c->wordings.items[tx->wording]);
        seen_add(c, &tx->sends, m->packet.frame_no, m->packet.t_ns);
        uint32_t at = (uint32_t)(tx - c->txs.items);
        orphans_join(c, &m->packet.src.ip);
        copies_became(c, COPIED_SEND, at);
    }
    if (m->conn) {
        struct seen_connection *seen = collect_live_connection(c, m->conn);
        if (seen) {
            seen->connection.sip = true;
            seen->connection.server.transport = m->transport;
        }
    }
}

/* The transaction that a response belongs to: same branch and CSeq at the address and port that it
 * comes from; else at that address; else the newest (a server may answer from elsewhere). */
static uint32_t tx_of_response(struct collection *c, const struct message *m, bool *sure) {
    const struct sip_head *head = m->sip;
    uint32_t best = NONE;
    int best_fit = -1;

    for (uint32_t at = passing_get(&c->tx_of, tx_key(m, &m->packet.dst.ip)); at != NONE;
         at = c->txs.items[at].older) {
        const struct tx *tx = &c->txs.items[at];
        int fit = !ip_eq(&tx->dst.ip, &m->packet.src.ip) ? 0
                  : tx->dst.port != m->packet.src.port   ? 1
                                                         : 2;
        if (fit > best_fit && tx->method == head->method) {
            best = at;
            best_fit = fit;
        }
    }
    *sure = best_fit == 2;
    return best;
}

/* What the registrar granted: the expires parameter of the Contact that is the phone's own, among
 * all bindings that a 200 lists (RFC 3261 10.3 step 8); else the Expires header. */
static bool granted(const struct message *m, const char *contact_uri, uint32_t *expires_s) {
    struct sip_uri own;
    struct slice rest = m->sip->contact;

    if (m->sip->contact_count > 1 && m->sip->head_len) {
        size_t at = (size_t)(rest.ptr - m->bytes.ptr);
        rest = slice_between(m->bytes, at, m->sip->head_len);
    }
    if (contact_uri && sip_uri_parse(slice_of_text(contact_uri), &own) && own.host.len) {
        while (rest.len) {
            const uint8_t *at = memmem(rest.ptr, rest.len, own.host.ptr, own.host.len);
            if (!at)
                break;
            slice_skip(&rest, (size_t)(at - rest.ptr) + own.host.len);
            struct slice line = slice_between(rest, 0, slice_find(rest, '\n'));
            line = slice_between(line, 0, slice_find(line, ','));
            const uint8_t *param = memmem(line.ptr, line.len, ";expires=", 9);
            uint64_t value;
            if (!param)
                continue;
            slice_skip(&line, (size_t)(param - line.ptr) + 9);
            size_t digits = 0;
            while (digits < line.len && line.ptr[digits] >= '0' && line.ptr[digits] <= '9')
                digits++;
            if (slice_to_u64(slice_between(line, 0, digits), &value) && value <= UINT32_MAX) {
                *expires_s = (uint32_t)value;
                return true;
            }
        }
    }
    struct sip_head room;
    const struct sip_head *head = collect_details(m, &room);
    if (head->has_contact_expires && head->contact_count == 1)
        *expires_s = head->contact_expires;
    else if (head->has_expires)
        *expires_s = head->expires;
    else
        return false;
    return true;
}

bool collect_response(struct collection *c, const struct message *m, bool last) {
    const struct sip_head *head = m->sip;
    bool sure;

    if (head->via_count > 1)
        return true; /* on its way between servers: the one nearer to the phone carries one Via */
    uint32_t at = tx_of_response(c, m, &sure);
    if (at == NONE && damaged_answered(c, tx_key(m, &m->packet.dst.ip), m->packet.t_ns))
        at = tx_of_response(c, m, &sure);
    if (!sure && !last)
        return false;
    if (at == NONE) {
        collect_loss(c, LOSS_RESPONSE_ONLY, &m->packet.dst.ip, &m->packet.src.ip,
                     m->packet.t_ns - STORY_64T1_NS, m->packet.t_ns, m->packet.frame_no);
        return true;
    }
    if (c->responses.n >= COLLECT_MAX) {
        c->limit_records++;
        return true;
    }
    struct tx *tx = &c->txs.items[at];
    int64_t asked_ns = tx->sends.count ? c->seen.items[tx->sends.first].t_ns : m->packet.t_ns;
    uint32_t index = (uint32_t)c->responses.n;
    struct seen_response *response = ARRAY_ADD(&c->responses);
    *response = (struct seen_response){
        .told =
            {
                .t_ns = answered_ns(asked_ns, m->packet.t_ns),
                .frame = m->packet.frame_no,
                .status = head->status,
                .has_retry_after = head->has_retry_after,
                .retry_after_s = head->retry_after,
                .has_min_expires = head->has_min_expires,
                .min_expires_s = head->min_expires,
                .stale = head->challenge_stale,
                .nonce = keep_own(c, head->challenge_nonce),
            },
        .next = NONE,
        .point = m->packet.point,
        .asked_at = tx->point,
    };
    copies_became(c, COPIED_RESPONSE, index);
    struct response *told = &response->told;
    if (head->status / 100 == 3) {
        struct sip_head room;
        told->contact_uri = keep(c, collect_details(m, &room)->contact_uri);
    }
    if (head->method == SIP_REGISTER && head->status >= 200 && head->status < 300)
        told->has_expires = granted(m, wording_of(c, tx)->contact_uri, &told->expires_s);
    if (head->method == SIP_SUBSCRIBE && head->status / 100 == 2 && head->has_expires) {
        told->has_expires = true;
        told->expires_s = head->expires;
    }
    if (tx->last_response == NONE)
        tx->first_response = index;
    else
        c->responses.items[tx->last_response].next = index;
    tx->last_response = index;
    tx->response_count++;
    return true;
}

/* What this answers went over a TLS connection of which the asking side could not be read. */
static bool is_question_sealed(struct collection *c, const struct message *m) {
    const struct seen_connection *seen = m->conn ? collect_live_connection(c, m->conn) : NULL;
    bool to_client = seen && endpoint_eq(&m->packet.dst, &m->conn->client);
    enum conn_side asked = to_client ? CONN_CLIENT : CONN_SERVER;

    return seen && seen->sealed[asked] && !seen->read[asked];
}

void collect_sip(struct collection *c, const struct message *message) {
    /* A host behind a connection that was met in the middle shows up here first. */
    if (message->conn && !collect_live_connection(c, message->conn)) {
        struct packet packet = message->packet;
        collect_conn(c, message->conn, CONN_SYN, CONN_CLIENT, &packet);
        struct seen_connection *seen = collect_live_connection(c, message->conn);
        if (seen) {
            seen->syn_frame = 0;
            seen->connection.accepted = true;
            seen->connection.from_start = false;
        }
    }
    if (!message->sip->call_id.len || !message->sip->has_cseq) {
        /* Too little to say what it belongs to. */
        c->headless += (message->notes & MESSAGE_CUT_BY_SNAPLEN) != 0;
        if (message->notes & MESSAGE_CUT_BY_SNAPLEN)
            collect_loss(c, LOSS_SNAPLEN, &message->packet.src.ip, &message->packet.dst.ip,
                         message->packet.t_ns, message->packet.t_ns, message->packet.frame_no);
        return;
    }
    if (message->sip->response) {
        if (!collect_response(c, message, false) && !is_question_sealed(c, message))
            orphan_keep_response(c, message);
    } else {
        add_request(c, message);
    }
}
