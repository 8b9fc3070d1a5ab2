/* Records from pieces:
 *
 *     piece ──────┤                ├──── piece ────┤
 *     ┤ record ├──┤ rec ┊ ord ├────┤ record ├── held until its rest comes
 *
 * A record opens when its last byte is there: what it held came in all of its frames together.
 * Where bytes are missing, the end of the record at hand is known if its header is; else what looks
 * like a header is searched for, and its opening proves it.
 */
#include "phone/message_decrypt.h"

#include <stdlib.h>

#include "tls/tls_session.h"

enum { HELD_MAX = 64 * 1024 * 1024 }; /* by all streams together */

struct direction {
    uint8_t *held; /* the beginning of a record */
    size_t held_len;
    ARRAY_OF(struct stream_part) parts; /* of held */
    uint64_t skip;                      /* bytes still to come of a record that is given up */
    uint64_t missing;                   /* bytes of which nothing was given to the inner stream */
    bool lost;                          /* not at a known place */
    bool read;                          /* data was opened */
    uint32_t sealed_frame;              /* of the first data that was not; 0: none */
    enum tls_unfit_reason reason;       /* why not, */
    enum tls_secret_kind secret;        /* and with what secret */
};

struct message_decrypt {
    struct tls_session *session; /* NULL: nothing can be opened any more */
    struct direction directions[2];
    size_t session_held;
    bool keyed;                            /* counted as such */
    uint8_t client_random[TLS_RANDOM_LEN]; /* where keyed */
    ARRAY_OF(struct stream_part) frames;   /* of the record at hand */
};

/* ---- what is held ---- */

static void drop_held(struct message_target *target, struct direction *direction) {
    target->buffered -= direction->held_len;
    direction->held_len = 0;
    direction->parts.n = 0;
}

static void free_held(struct message_target *target, struct direction *direction) {
    drop_held(target, direction);
    free(direction->held);
    direction->held = NULL;
    ARRAY_FINI(&direction->parts);
}

/* Nothing more is to be opened on this connection. */
static void give_up(struct message_target *target, struct message_decrypt *decrypt) {
    tls_session_free(decrypt->session);
    decrypt->session = NULL;
    target->buffered -= decrypt->session_held;
    decrypt->session_held = 0;
    for (size_t i = 0; i < 2; i++)
        free_held(target, &decrypt->directions[i]);
}

static void lose(struct message_decrypt *decrypt, enum conn_side side) {
    decrypt->directions[side].lost = true;
    tls_session_gap(decrypt->session, side);
}

/* Hold a part of a record; false: there is no room. */
static bool hold(struct message_target *target, struct direction *direction, struct slice bytes,
                 const struct stream_part *part) {
    if (target->buffered + bytes.len > HELD_MAX)
        return false;
    if (!direction->held)
        direction->held = memory_new(TLS_HEADER_LEN + TLS_RECORD_MAX);
    memcpy(direction->held + direction->held_len, bytes.ptr, bytes.len);
    direction->held_len += bytes.len;
    target->buffered += bytes.len;
    *ARRAY_PUSH(&direction->parts) =
        (struct stream_part){direction->held_len, part->frame_no, part->t_ns};
    return true;
}

/* How many bytes of the record that begins in `held` are still to come; before its header is whole:
 * of the header. */
static size_t owed(const struct direction *direction) {
    uint8_t type;
    size_t len = 0;

    if (direction->held_len < TLS_HEADER_LEN)
        return TLS_HEADER_LEN - direction->held_len;
    tls_header_read(direction->held, &type, &len);
    return TLS_HEADER_LEN + len - direction->held_len;
}

/* ---- records ---- */

struct work {
    struct message_target *target;
    struct conn *conn;
    enum conn_side side;
    struct message_decrypt *decrypt;
    struct packet packet;
    struct decrypt_events events;
};

static void note_hello(struct work *work, const struct tls_client_hello *hello) {
    size_t len = hello->server_name.len;

    work->events.hello = true;
    if (len && len <= sizeof work->events.server_name) {
        memcpy(work->events.server_name, hello->server_name.ptr, len);
        work->events.server_name_len = (uint8_t)len;
    }
    memcpy(work->decrypt->client_random, hello->random.ptr, TLS_RANDOM_LEN);
}

/* A record stays closed, though there are secrets. One of the handshake tells of those alone that
 * nothing will be opened with. */
static void note_sealed(struct work *work, const struct tls_opened *opened, uint32_t frame_no) {
    const struct message_stream *stream = work->conn->user[work->side];
    struct direction *direction = &work->decrypt->directions[work->side];

    bool tells = stream->tls.data || opened->status == TLS_FAILED ||
                 tls_session_hopeless(work->decrypt->session);

    if (!tells || !work->decrypt->keyed)
        return;
    work->events.sealed = true;
    if (direction->sealed_frame)
        return;
    direction->sealed_frame = frame_no;
    direction->secret = opened->secret;
    if (opened->status != TLS_SEALED)
        direction->reason = TLS_UNFIT_WRONG;
    else
        direction->reason = opened->has_secret ? TLS_UNFIT_SUITE : TLS_UNFIT_MISSING;
}

/* A whole record, carried by these parts. */
static void open_record(struct work *work, const struct tls_record *record,
                        const struct stream_part *parts, size_t part_count) {
    struct message_decrypt *decrypt = work->decrypt;
    struct direction *direction = &decrypt->directions[work->side];
    uint8_t room[TLS_ROOM];
    struct tls_opened opened;

    tls_session_open(decrypt->session, work->side, record, room, &opened);
    if (opened.client_hello)
        note_hello(work, opened.client_hello);
    if (!decrypt->keyed && tls_session_has_keys(decrypt->session)) {
        decrypt->keyed = true;
        work->target->tls.keyed++;
    }
    work->target->buffered += tls_session_held(decrypt->session) - decrypt->session_held;
    decrypt->session_held = tls_session_held(decrypt->session);
    if (opened.status != TLS_CLEAR && opened.status != TLS_OPENED) {
        direction->missing += record->body.len;
        note_sealed(work, &opened, parts[part_count - 1].frame_no);
    }
    if (opened.status != TLS_OPENED || opened.type != TLS_APPLICATION_DATA || !opened.content.len)
        return;
    decrypt->frames.n = 0;
    for (size_t i = 0; i < part_count; i++)
        *ARRAY_PUSH(&decrypt->frames) =
            (struct stream_part){opened.content.len, parts[i].frame_no, parts[i].t_ns};
    struct stream_bytes inner = {.packet = work->packet,
                                 .bytes = opened.content,
                                 .parts = decrypt->frames.items,
                                 .part_count = decrypt->frames.n,
                                 .gap_bytes = direction->missing};
    direction->missing = 0;
    if (!direction->read)
        work->events.read = true;
    direction->read = true;
    message_stream_feed_inner(work->target, work->conn, work->side, &inner);
}

/* Offset of what looks like a record's header, and is not followed by what does not. */
static size_t find_header(struct slice bytes) {
    uint8_t type;
    size_t at = 0, len;

    for (; at + TLS_HEADER_LEN <= bytes.len; at++) {
        if (!tls_header_read(bytes.ptr + at, &type, &len) || !len)
            continue;
        size_t next = at + TLS_HEADER_LEN + len;
        if (next + TLS_HEADER_LEN > bytes.len || tls_header_read(bytes.ptr + next, &type, &len))
            return at;
    }
    return bytes.len;
}

/* As much as can be of the bytes that one part carried. */
static void take_part(struct work *work, struct slice bytes, const struct stream_part *part) {
    struct message_decrypt *decrypt = work->decrypt;
    struct direction *direction = &decrypt->directions[work->side];
    struct tls_record record;

    while (bytes.len && decrypt->session) {
        if (direction->skip) {
            size_t n = direction->skip < bytes.len ? (size_t)direction->skip : bytes.len;
            slice_skip(&bytes, n);
            direction->skip -= n;
            continue;
        }
        if (direction->lost) {
            size_t at = find_header(bytes);
            direction->missing += at;
            slice_skip(&bytes, at);
            direction->lost = !bytes.len;
            continue;
        }
        if (!direction->held_len) {
            enum tls_take taken = tls_record_take(&bytes, &record);
            if (taken == TLS_TAKE_INVALID) {
                lose(decrypt, work->side);
                slice_skip(&bytes, 1);
                continue;
            }
            if (taken == TLS_TAKE_OK) {
                open_record(work, &record, part, 1);
                if (tls_session_hopeless(decrypt->session))
                    give_up(work->target, decrypt);
                continue;
            }
        }
        size_t n = direction->held_len ? owed(direction) : bytes.len;
        struct slice taken;
        slice_take(&bytes, n < bytes.len ? n : bytes.len, &taken);
        if (!hold(work->target, direction, taken, part)) {
            drop_held(work->target, direction);
            lose(decrypt, work->side);
            message_note(work->target, NET_LIMIT_MESSAGES, part->frame_no);
            return;
        }
        struct slice whole = slice_of(direction->held, direction->held_len);
        enum tls_take held = tls_record_take(&whole, &record);
        if (held == TLS_TAKE_PARTIAL)
            continue;
        if (held == TLS_TAKE_OK)
            open_record(work, &record, direction->parts.items, direction->parts.n);
        else
            lose(decrypt, work->side);
        drop_held(work->target, direction);
        if (tls_session_hopeless(decrypt->session))
            give_up(work->target, decrypt);
    }
}

/* ---- the streams ---- */

/* The connection's, made with its first bytes. */
static struct message_decrypt *decrypt_of(struct message_target *target, struct conn *conn,
                                          enum conn_side side) {
    struct message_stream *stream = conn->user[side];
    const struct message_stream *peer = conn->user[side == CONN_CLIENT ? CONN_SERVER : CONN_CLIENT];

    if (!stream->decrypt && peer && peer->decrypt)
        stream->decrypt = peer->decrypt;
    if (!stream->decrypt) {
        stream->decrypt = memory_new_zeroed(1, sizeof *stream->decrypt);
        stream->decrypt->session = tls_session_new(target->keylog);
        target->tls.connections++;
    }
    return stream->decrypt;
}

struct decrypt_events message_decrypt_feed(struct message_target *target, struct conn *conn,
                                           enum conn_side side, const struct stream_bytes *in,
                                           size_t from) {
    struct work work = {.target = target,
                        .conn = conn,
                        .side = side,
                        .decrypt = decrypt_of(target, conn, side),
                        .packet = in->packet};

    for (size_t i = 0; i < in->part_count && work.decrypt->session; i++) {
        if (in->parts[i].end <= from)
            continue;
        take_part(&work, slice_between(in->bytes, from, in->parts[i].end), &in->parts[i]);
        from = in->parts[i].end;
    }
    return work.events;
}

void message_decrypt_gap(struct message_target *target, struct conn *conn, enum conn_side side,
                         uint64_t gap) {
    const struct message_stream *stream = conn->user[side];

    if (!message_decrypt_wants(stream))
        return;
    struct direction *direction = &stream->decrypt->directions[side];
    size_t have = direction->held_len;
    uint64_t rest = have >= TLS_HEADER_LEN ? owed(direction) : direction->skip;
    direction->missing += have + gap;
    drop_held(target, direction);
    tls_session_gap(stream->decrypt->session, side);
    direction->lost = direction->lost || gap > rest;
    direction->skip = gap > rest ? 0 : rest - gap;
}

bool message_decrypt_wants(const struct message_stream *stream) {
    return stream->decrypt && stream->decrypt->session;
}

/* Keep it, if it is among the first by frame: connections end in another order. */
static void keep_unfit(struct tls_tally *tally, const struct tls_unfit *unfit) {
    size_t n = tally->unfit < TLS_UNFIT_KEPT ? (size_t)tally->unfit : TLS_UNFIT_KEPT;
    size_t at = n;

    while (at && tally->first[at - 1].frame_no > unfit->frame_no)
        at--;
    if (at == TLS_UNFIT_KEPT)
        return;
    size_t moved = (n < TLS_UNFIT_KEPT ? n : n - 1) - at;
    memmove(&tally->first[at + 1], &tally->first[at], moved * sizeof *unfit);
    tally->first[at] = *unfit;
}

/* Had it secrets, and was data of one side, or of both, never read? */
static void count_unfit(struct message_target *target, const struct conn *conn,
                        const struct message_decrypt *decrypt) {
    struct tls_tally *tally = &target->tls;

    for (unsigned side = CONN_CLIENT; side <= CONN_SERVER && decrypt->keyed; side++) {
        const struct direction *direction = &decrypt->directions[side];
        if (!direction->sealed_frame || direction->read)
            continue;
        struct tls_unfit unfit = {.reason = direction->reason,
                                  .secret = direction->secret,
                                  .client = conn->client,
                                  .server = conn->server,
                                  .side = side,
                                  .frame_no = direction->sealed_frame};
        memcpy(unfit.client_random, decrypt->client_random, TLS_RANDOM_LEN);
        keep_unfit(tally, &unfit);
        tally->unfit++;
        return;
    }
}

void message_decrypt_end(struct message_target *target, struct conn *conn, enum conn_side side) {
    struct message_stream *stream = conn->user[side];
    const struct message_stream *peer = conn->user[side == CONN_CLIENT ? CONN_SERVER : CONN_CLIENT];
    struct message_decrypt *decrypt = stream->decrypt;

    stream->decrypt = NULL;
    if (!decrypt || (peer && peer->decrypt))
        return;
    count_unfit(target, conn, decrypt);
    give_up(target, decrypt);
    ARRAY_FINI(&decrypt->frames);
    free(decrypt);
}
