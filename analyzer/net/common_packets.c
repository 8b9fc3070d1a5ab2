/* Samples of what each file holds, and the packets of later files that are in them. */
#include "net/common_packets.h"

#include <stdlib.h>

#include "base/instant.h"
#include "base/intern.h"
#include "net/clock_belief.h"

enum {
    PAYLOAD_LEAST = 16, /* less is a keep-alive, not a packet that can be told from others */
    SAMPLES_TOTAL = 1 << 18,
    SAMPLES_MOST = 4096, /* of one file and kind */
    SAMPLES_LEAST = 64,
    STRETCH_LEAST = 3, /* packets that an offset rests on, where there is no surer one */
    PORT_DNS = 53,
    START_MOST = 512, /* of a SIP message, in which its first line ends, */
    HEAD_MOST = 2048, /* and in which its CSeq is */
};

/* Copies of a mirror port come this close together: they are one sight of a packet. */
#define COPY_NS BELIEF_COPY_NS
/* By so much a clock may seem to be moved, without it being worth a second thought. */
#define MOVED_NS ((int64_t)NS_PER_S / 10)
/* So long may the way between two points be (net/tcp_copies.h). */
#define WAY_NS ((int64_t)NS_PER_S * 4 / 10)

/* What a sample is of: signalling or anything else; told by its content alone, or with the IP
 * identification. */
enum kind { KIND_SIGNALLING, KIND_OTHER, KIND_WITH_ID, KIND_COUNT = 2 * KIND_WITH_ID };

struct sample {
    uint64_t key;
    uint64_t hosts;
    int64_t t_ns, last_ns;
    int64_t hit_ns, hit_last_ns; /* where the file being read has it, */
    uint32_t hit_file;           /* that file + 1 */
    uint32_t file;
    uint32_t no, hit_no;           /* its frame, in the one file and in the other; */
    uint32_t last_no, hit_last_no; /* the last of several, */
    uint32_t seen, hit_seen;       /* and how many they are */
    uint32_t next;                 /* index + 1 of another file's with this key; 0: none */
    uint16_t ip_id, hit_id;        /* 0: none */
    uint8_t kind;
    bool from_lower, unique, repeated, hit_repeated;
    bool hit_near; /* at about the same time, the first or the last of several */
};

struct sample_list {
    struct sample *items;
    size_t n, cap;
};

/* Keys to samples: index + 1, open addressing. */
struct index {
    uint32_t *slots;
    size_t n, cap;
};

/* The sample of the file that is being read, of one kind. */
struct sketch {
    struct sample_list samples;
    struct index index;
    uint64_t highest; /* keys above are left out */
};

struct file_facts {
    bool any;
    int64_t first_ns, last_ns;
    size_t samples; /* told by content alone */
};

struct common_packets {
    struct net *net;
    uint32_t file; /* being read */
    size_t limit;  /* samples of one file and kind */
    struct sketch sketches[KIND_COUNT];
    struct sample_list known; /* of the files before */
    struct index index;
    ARRAY_OF(uint32_t) hits; /* known ones that this file has */
    struct file_facts *facts;
    ARRAY_OF(struct common_link) links;
    ARRAY_OF(struct clock_stretch) stretches;
};

/* ---- the index ---- */

static void index_put(struct index *index, const struct sample_list *samples, uint32_t at) {
    size_t slot = samples->items[at].key & (index->cap - 1);

    while (index->slots[slot])
        slot = (slot + 1) & (index->cap - 1);
    index->slots[slot] = at + 1;
    index->n++;
}

/* The first sample of this key; index + 1, 0: none. */
static uint32_t index_find(const struct index *index, const struct sample_list *samples,
                           uint64_t key) {
    if (!index->cap)
        return 0;
    for (size_t slot = key & (index->cap - 1); index->slots[slot];
         slot = (slot + 1) & (index->cap - 1))
        if (samples->items[index->slots[slot] - 1].key == key)
            return index->slots[slot];
    return 0;
}

/* Samples from `from` on; those of one key are chained. */
static void index_add(struct index *index, struct sample_list *samples, size_t from) {
    for (size_t i = from; i < samples->n; i++) {
        uint32_t first = index_find(index, samples, samples->items[i].key);
        samples->items[i].next = first ? samples->items[first - 1].next : 0;
        if (first)
            samples->items[first - 1].next = (uint32_t)i + 1;
        else
            index_put(index, samples, (uint32_t)i);
    }
}

/* All of them anew, with room for so many. */
static void index_rebuild(struct index *index, struct sample_list *samples, size_t room) {
    size_t cap = 64;

    while (cap < room * 2)
        cap *= 2;
    free(index->slots);
    *index = (struct index){.slots = memory_new_zeroed(cap, sizeof(uint32_t)), .cap = cap};
    index_add(index, samples, 0);
}

/* ---- sampling ---- */

/* Too many: half of the keys will do. */
static void thin(struct sketch *sketch, size_t limit) {
    struct sample_list *samples = &sketch->samples;

    while (samples->n >= limit) {
        size_t kept = 0;
        sketch->highest /= 2;
        for (size_t i = 0; i < samples->n; i++)
            if (samples->items[i].key <= sketch->highest)
                samples->items[kept++] = samples->items[i];
        samples->n = kept;
    }
    index_rebuild(&sketch->index, samples, limit);
}

static void sketch_add(struct sketch *sketch, size_t limit, const struct sample *sample) {
    if (sample->key > sketch->highest)
        return;
    uint32_t at = index_find(&sketch->index, &sketch->samples, sample->key);
    if (at) {
        struct sample *known = &sketch->samples.items[at - 1];
        known->repeated = known->repeated || llabs(sample->t_ns - known->t_ns) > COPY_NS;
        known->seen += llabs(sample->t_ns - known->last_ns) > COPY_NS;
        known->last_ns = sample->t_ns;
        known->last_no = sample->no;
        return;
    }
    if (sketch->samples.n >= limit || !sketch->index.cap)
        thin(sketch, limit);
    if (sample->key > sketch->highest)
        return;
    *ARRAY_ADD(&sketch->samples) = *sample;
    index_put(&sketch->index, &sketch->samples, (uint32_t)(sketch->samples.n - 1));
}

/* ---- what earlier files have ---- */

static void note_hit(struct common_packets *common, const struct sample *sample) {
    uint32_t at = index_find(&common->index, &common->known, sample->key);

    for (; at; at = common->known.items[at - 1].next) {
        struct sample *known = &common->known.items[at - 1];
        if (known->hit_file != common->file + 1) {
            known->hit_file = common->file + 1;
            known->hit_ns = sample->t_ns;
            known->hit_no = sample->no;
            known->hit_id = sample->ip_id;
            known->hit_repeated = known->hit_near = false;
            known->hit_seen = 1;
            *ARRAY_ADD(&common->hits) = at - 1;
        } else if (llabs(sample->t_ns - known->hit_ns) > COPY_NS) {
            known->hit_repeated = true;
            known->hit_seen += llabs(sample->t_ns - known->hit_last_ns) > COPY_NS;
        }
        known->hit_last_ns = sample->t_ns;
        known->hit_last_no = sample->no;
        known->hit_near = known->hit_near || llabs(sample->t_ns - known->t_ns) <= COPY_NS ||
                          llabs(sample->t_ns - known->last_ns) <= COPY_NS;
    }
}

/* ---- packets ---- */

static bool is_upper(uint8_t c) {
    return c >= 'A' && c <= 'Z';
}

/* Most SIP messages begin with a method or with "SIP/2.0". */
static bool is_signalling(const struct packet *packet, struct slice payload) {
    return packet->src.port == PORT_DNS || packet->dst.port == PORT_DNS ||
           (is_upper(payload.ptr[0]) && is_upper(payload.ptr[1]) && is_upper(payload.ptr[2]));
}

static void tell_hosts(const struct packet *packet, struct sample *sample) {
    const struct ip_addr *src = &packet->src.ip, *dst = &packet->dst.ip;
    uint64_t one = hash_bytes(src->bytes, src->len, 1), other = hash_bytes(dst->bytes, dst->len, 1);

    sample->from_lower = one != other ? one < other : packet->src.port < packet->dst.port;
    sample->hosts = one + other; /* the same in both directions */
}

static bool has(struct slice payload, size_t most, const char *text) {
    return memmem(payload.ptr, payload.len < most ? payload.len : most, text, strlen(text));
}

/* A SIP message has a branch or a Call-ID of its own; but with what is to keep a NAT open, some
 * phones do not care (the method ends its CSeq). */
static bool is_unique(struct slice payload) {
    return has(payload, START_MOST, "SIP/2.0") && !has(payload, HEAD_MOST, " OPTIONS\r\n") &&
           !has(payload, HEAD_MOST, " NOTIFY\r\n");
}

/* The key of a content with an identification; of that, the key of the content again. */
static uint64_t with_id(uint64_t key, uint16_t ip_id) {
    return key ^ ip_id * UINT64_C(0x9e3779b97f4a7c15);
}

/* A packet of this kind and content. */
static void add(struct common_packets *common, const struct packet *packet, int64_t t_ns,
                enum kind kind, uint64_t key, bool unique) {
    struct sample sample = {.t_ns = t_ns,
                            .last_ns = t_ns,
                            .file = common->file,
                            .no = packet->frame_no,
                            .last_no = packet->frame_no,
                            .seen = 1,
                            .kind = (uint8_t)kind,
                            .unique = unique,
                            .ip_id = packet->has_ip_id ? packet->ip_id : 0,
                            .key = key};

    tell_hosts(packet, &sample);
    note_hit(common, &sample);
    sketch_add(&common->sketches[kind], common->limit, &sample);
    if (!sample.ip_id)
        return;
    sample.kind = (uint8_t)(kind + KIND_WITH_ID);
    sample.key = with_id(key, sample.ip_id);
    note_hit(common, &sample);
    sketch_add(&common->sketches[sample.kind], common->limit, &sample);
}

static void add_payload(struct common_packets *common, const struct packet *packet, int64_t t_ns,
                        struct slice payload) {
    if (payload.len < PAYLOAD_LEAST)
        return;
    enum kind kind = is_signalling(packet, payload) ? KIND_SIGNALLING : KIND_OTHER;

    add(common, packet, t_ns, kind, hash_bytes(payload.ptr, payload.len, kind),
        kind == KIND_SIGNALLING && is_unique(payload));
}

static void on_datagram(void *context, const struct datagram *datagram) {
    /* What an agent reports has the agent's time: it says nothing about this file's clock. */
    if (datagram->bytes.len == datagram->full_len && !datagram->reported)
        add_payload(context, &datagram->packet, datagram->packet.t_ns, datagram->bytes);
}

static void on_piece(void *context, struct conn *conn, enum conn_side side,
                     const struct stream_piece *piece) {
    (void)conn;
    (void)side;
    add_payload(context, &piece->packet, piece->t_ns, piece->bytes);
}

/* A SYN and what answers it, known by the initial sequence number (RFC 9293 3.4.1), which a NAT
 * leaves alone, too. */
static void on_conn(void *context, struct conn *conn, enum conn_fact fact, enum conn_side side,
                    const struct packet *packet) {
    const struct { uint32_t isn, fact; } key = {conn->isn, (uint32_t)fact};

    /* What shows the acceptance may be another packet, where the SYN+ACK is missing. */
    bool own =
        fact == CONN_SYN || fact == CONN_REFUSED ||
        (fact == CONN_ACCEPTED && conn->packets == 2 && endpoint_eq(&packet->src, &conn->server));

    (void)side;
    if (own && conn->from_start)
        add(context, packet, packet->t_ns, KIND_OTHER,
            hash_bytes((const uint8_t *)&key, sizeof key, KIND_COUNT), true);
}

/* ---- files ---- */

struct common_packets *common_packets_new(size_t file_count) {
    struct common_packets *common = memory_new_zeroed(1, sizeof *common);
    size_t limit = SAMPLES_TOTAL / KIND_COUNT / (file_count ? file_count : 1);

    common->limit = limit > SAMPLES_MOST    ? SAMPLES_MOST
                    : limit < SAMPLES_LEAST ? SAMPLES_LEAST
                                            : limit;
    common->facts = memory_new_zeroed(file_count, sizeof *common->facts);
    return common;
}

void common_packets_begin(struct common_packets *common, uint32_t file) {
    const struct net_handler handler = {
        .context = common, .datagram = on_datagram, .conn = on_conn, .piece = on_piece};

    common->file = file;
    common->net = net_new(&handler);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        common->sketches[kind].highest = UINT64_MAX;
}

void common_packets_feed(struct common_packets *common, const struct frame *frame) {
    struct file_facts *facts = &common->facts[common->file];

    if (!facts->any || frame->t_ns < facts->first_ns)
        facts->first_ns = frame->t_ns;
    if (!facts->any || frame->t_ns > facts->last_ns)
        facts->last_ns = frame->t_ns;
    facts->any = true;
    net_feed(common->net, frame);
}

static enum evidence evidence_of(const struct sample *sample) {
    bool differs = sample->ip_id && sample->hit_id && sample->ip_id != sample->hit_id;

    if (sample->repeated || sample->hit_repeated)
        return sample->unique && sample->kind < KIND_WITH_ID && !differs ? EVIDENCE_REPEATED
                                                                         : EVIDENCE_COUNT;
    return sample->kind >= KIND_WITH_ID ? EVIDENCE_ID
           : differs                    ? EVIDENCE_AGAINST
                                        : EVIDENCE_CONTENT;
}

/* Was its content, with whatever identification, seen once in each file? */
static bool is_lone(const struct common_packets *common, const struct sample *sample) {
    uint64_t key = sample->kind < KIND_WITH_ID ? sample->key : with_id(sample->key, sample->ip_id);
    uint32_t at = index_find(&common->index, &common->known, key);

    for (; at; at = common->known.items[at - 1].next) {
        const struct sample *content = &common->known.items[at - 1];
        if (content->file == sample->file && content->kind < KIND_WITH_ID)
            return content->hit_file == common->file + 1 && !content->repeated &&
                   !content->hit_repeated;
    }
    return false;
}

struct sighting_list {
    struct sighting *items;
    size_t n, cap;
};

/* One of which both files have one sight. */
static struct sighting sighting_of(const struct common_packets *common,
                                   const struct sample *sample) {
    bool lone = is_lone(common, sample);

    return (struct sighting){
        .a_ns = sample->t_ns,
        .b_ns = sample->hit_ns,
        .a_no = sample->no,
        .b_no = sample->hit_no,
        .hosts = sample->hosts,
        .from_lower = sample->from_lower,
        .lone = lone && (sample->unique || sample->kind % KIND_WITH_ID == KIND_SIGNALLING),
        .unique = sample->unique,
        .strong = lone || sample->unique};
}

/* The hits of one earlier file for which there is this evidence. Where the files are apart, the
 * same content with the same identification may be chance, of what is sent again and again. */
static struct clock_offset estimate(const struct common_packets *common, const uint32_t *hits,
                                    size_t count, enum evidence evidence, bool apart,
                                    struct sighting_list *room) {
    room->n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct sample *sample = &common->known.items[hits[i]];
        if (evidence_of(sample) != evidence)
            continue;
        struct sighting sighting = sighting_of(common, sample);
        if (apart && evidence == EVIDENCE_ID && !sighting.strong)
            continue;
        if (evidence == EVIDENCE_REPEATED && sample->hit_near)
            sighting.b_ns = sighting.a_ns;
        *ARRAY_ADD(room) = sighting;
    }
    return clock_offset_estimate(room->items, room->n);
}

/* Packets of one direction tell the offset and the time on the way together; with others, whose
 * identification tells nothing, it may be told from both. */
static void refine(struct clock_offset *offset, const struct clock_offset *other) {
    if (!offset->two_way && other->known && other->two_way &&
        llabs(other->offset_ns - offset->offset_ns) <= WAY_NS)
        *offset = *other;
}

/* A few that do not fit, but lie within what packets may differ by, have moved the middle. */
static void put_straight(struct common_link *link, const struct clock_offset *offset) {
    size_t agreed = link->offset.agreed;

    if (link->doubted || offset->two_way < link->offset.two_way ||
        llabs(offset->offset_ns - link->offset.offset_ns) <= MOVED_NS)
        return;
    link->offset = *offset;
    link->offset.agreed = agreed;
}

/* A packet may be there twice, by its content and with its identification. */
static size_t count_frames(const struct sighting_list *sightings) {
    size_t frames = 0;

    for (size_t i = 0; i < sightings->n; i++)
        frames += !i || sightings->items[i].a_no != sightings->items[i - 1].a_no;
    return frames;
}

/* Was one of the clocks set meanwhile? Then what was left out as not agreeing, or made a drift, is
 * of another stretch. */
static void find_stretches(struct common_packets *common, const uint32_t *hits, size_t count,
                           bool apart, struct common_link *link, struct sighting_list *room) {
    struct clock_stretch stretches[CLOCK_STRETCHES_MOST];
    const struct clock_stretch *longest = stretches;
    size_t agreed = 0;

    room->n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct sample *sample = &common->known.items[hits[i]];
        enum evidence evidence = evidence_of(sample);
        struct sighting sighting = sighting_of(common, sample);
        sighting.strong = sighting.strong || (evidence == EVIDENCE_ID && !apart);
        if (evidence == EVIDENCE_AGAINST || evidence == EVIDENCE_COUNT || !sighting.strong ||
            (evidence == EVIDENCE_REPEATED && (apart || sample->seen != sample->hit_seen)))
            continue;
        *ARRAY_ADD(room) = sighting;
        if (evidence != EVIDENCE_REPEATED)
            continue;
        /* As often in each: the first is the first, and the last is the last. */
        sighting.a_ns = sample->last_ns;
        sighting.b_ns = sample->hit_last_ns;
        sighting.a_no = sample->last_no;
        sighting.b_no = sample->hit_last_no;
        *ARRAY_ADD(room) = sighting;
    }
    size_t n = clock_stretches_find(room->items, room->n,
                                    link->offset.stepped ? 0 : link->offset.drift_ppb, stretches);
    for (size_t i = 0; i < n; i++) {
        agreed += stretches[i].offset.agreed;
        if (stretches[i].offset.agreed > longest->offset.agreed)
            longest = &stretches[i];
    }
    if (!n || agreed * 5 < room->n * 3)
        return;
    if (n == 1) { /* but for a few that do not fit */
        put_straight(link, &stretches[0].offset);
        return;
    }
    if ((apart && link->doubted) || /* they may well share nothing */
        ((apart || link->doubted) && longest->offset.agreed < STRETCH_LEAST))
        return;
    link->offset = longest->offset;
    link->offset.agreed = count_frames(room); /* sorted by now */
    link->offset.known = link->offset.stepped = true;
    link->offset.same = link->doubted = false;
    link->stretches = (uint32_t)common->stretches.n;
    link->stretch_count = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        *ARRAY_ADD(&common->stretches) = stretches[i];
}

/* What the file that was read shares with this one before it, by the surest evidence. */
static void link_pair(struct common_packets *common, uint32_t other, const uint32_t *hits,
                      size_t count, struct sighting_list *room) {
    const struct file_facts *x = &common->facts[other], *y = &common->facts[common->file];
    bool apart = x->last_ns <= y->first_ns || y->last_ns <= x->first_ns;
    struct common_link link = {.a = other, .b = common->file};
    struct clock_offset offsets[EVIDENCE_COUNT];

    for (enum evidence evidence = 0; evidence < EVIDENCE_COUNT; evidence++)
        offsets[evidence] = estimate(common, hits, count, evidence, apart, room);
    refine(&offsets[EVIDENCE_ID], &offsets[EVIDENCE_CONTENT]);
    for (enum evidence evidence = 0; evidence < EVIDENCE_COUNT; evidence++) {
        enum belief belief = clock_belief(&offsets[evidence], evidence, x->samples, apart);
        if (belief == BELIEF_NONE || (belief == BELIEF_DOUBTED && link.doubted))
            continue;
        link.offset = offsets[evidence];
        link.doubted = belief == BELIEF_DOUBTED;
        if (belief == BELIEF_SURE)
            break;
    }
    if (!link.offset.agreed)
        return;
    find_stretches(common, hits, count, apart, &link, room);
    *ARRAY_ADD(&common->links) = link;
}

static int by_number(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

    return a < b ? -1 : a > b;
}

/* What the file that was read shares with each of those before it. Known samples stand file by
 * file. */
static void link_file(struct common_packets *common) {
    struct sighting_list room = {0};
    const uint32_t *hits = common->hits.items;

    if (common->hits.n)
        qsort(common->hits.items, common->hits.n, sizeof(uint32_t), by_number);
    for (size_t from = 0, to; from < common->hits.n; from = to) {
        uint32_t other = common->known.items[hits[from]].file;
        for (to = from; to < common->hits.n && common->known.items[hits[to]].file == other;)
            to++;
        link_pair(common, other, hits + from, to - from, &room);
    }
    ARRAY_FINI(&room);
}

void common_packets_end(struct common_packets *common) {
    size_t before = common->known.n;

    net_end(common->net);
    net_free(common->net);
    common->net = NULL;
    link_file(common);
    common->hits.n = 0;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        struct sketch *sketch = &common->sketches[kind];
        if (kind < KIND_WITH_ID)
            common->facts[common->file].samples += sketch->samples.n;
        for (size_t i = 0; i < sketch->samples.n; i++)
            *ARRAY_ADD(&common->known) = sketch->samples.items[i];
        sketch->samples.n = 0;
        free(sketch->index.slots);
        sketch->index = (struct index){0};
    }
    if (common->known.n * 2 > common->index.cap)
        index_rebuild(&common->index, &common->known, common->known.n * 2);
    else
        index_add(&common->index, &common->known, before);
}

const struct common_link *common_packets_links(const struct common_packets *common, size_t *count) {
    *count = common->links.n;
    return common->links.items;
}

const struct clock_stretch *common_packets_stretches(const struct common_packets *common) {
    return common->stretches.items;
}

void common_packets_free(struct common_packets *common) {
    if (!common)
        return;
    net_free(common->net);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        ARRAY_FINI(&common->sketches[kind].samples);
        free(common->sketches[kind].index.slots);
    }
    ARRAY_FINI(&common->known);
    free(common->index.slots);
    ARRAY_FINI(&common->hits);
    ARRAY_FINI(&common->links);
    ARRAY_FINI(&common->stretches);
    free(common->facts);
    free(common);
}
