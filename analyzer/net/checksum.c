/* One's complement sums do not care for byte order (RFC 1071 2, B): words are added as the machine
 * loads them, and only the folded sum is turned into a number. */
#include "net/checksum.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/instant.h"

enum {
    SOURCES_LOG2 = 10, /* looked at side by side; one takes the place of another */
    IPV4_MIN = 20,
    IPV4_CHECKSUM_AT = 10,
    /* A source is believed while it has so many right ones for each wrong one. Links lose far less
     * than that; edited captures have more that is wrong. */
    RIGHT_FOR_WRONG = 3,
    DOUBTED = 3, /* so many wrong ones of a source that is not known yet are doubted */
};

/* What is done because of a packet is done within this time (RFC 3261 17.1.1.2: 64×T1). */
#define DOUBTED_NS (32LL * NS_PER_S)

/* Of what a host sent to another so far. This is looked at for each packet: what few have stands
 * elsewhere. */
struct checksum_source {
    uint64_t key; /* of their addresses; 0: free */
    uint32_t right[CHECKSUM_KINDS];
    bool has_wrong; /* and so many are wrong: */
};

struct checksum_wrong {
    uint32_t of[CHECKSUM_KINDS];
};

struct checksum_sources {
    struct checksum_source slots[1 << SOURCES_LOG2];
    struct checksum_wrong wrong[1 << SOURCES_LOG2];
};

struct checksum_sources *checksum_sources_new(void) {
    return memory_new_zeroed(1, sizeof(struct checksum_sources));
}

void checksum_sources_free(struct checksum_sources *sources) {
    free(sources);
}

static uint64_t load(const uint8_t *at, size_t len) {
    uint64_t word = 0;

    memcpy(&word, at, len);
    return word;
}

/* Words of 64 bits are added twice: as they are, where carries are lost, and their upper halves
 * alone, where none is. Of the two sums follows that of the lower halves. */
uint64_t checksum_sum(struct slice bytes) {
    typedef uint64_t pair __attribute__((vector_size(16)));
    const uint8_t *p = bytes.ptr;
    size_t left = bytes.len;
    pair words = {0, 0}, upper = {0, 0};
    uint64_t word_sum, upper_sum;

    for (; left >= 64; p += 64, left -= 64) {
        pair a[4];
        memcpy(a, p, sizeof a);
        words += (a[0] + a[1]) + (a[2] + a[3]);
        upper += ((a[0] >> 32) + (a[1] >> 32)) + ((a[2] >> 32) + (a[3] >> 32));
    }
    for (; left >= 16; p += 16, left -= 16) {
        pair a;
        memcpy(&a, p, sizeof a);
        words += a;
        upper += a >> 32;
    }
    word_sum = words[0] + words[1];
    upper_sum = upper[0] + upper[1];
    if (left & 8) {
        word_sum += load(p, 8);
        upper_sum += load(p, 8) >> 32;
        p += 8;
    }
    uint64_t lower_sum = word_sum - (upper_sum << 32);
    /* Modulo 2^16 - 1 all powers of 2^16 are 1: what is left may be added anywhere, and the halves
     * at other places than they had. */
    if (left & 4) {
        lower_sum += load(p, 4);
        p += 4;
    }
    if (left & 2) {
        upper_sum += load(p, 2);
        p += 2;
    }
    if (left & 1)
        upper_sum += load(p, 1);
    return lower_sum + (upper_sum << 16);
}

/* Is it 0 in one's complement: all ones, in whichever order it was added? A sum of nothing is not.
 */
static bool is_right(uint64_t sum) {
    return sum && sum % UINT16_MAX == 0;
}

/* To 16 bits, in the order in which it was added. */
static uint16_t fold(uint64_t sum) {
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static uint64_t halves(uint64_t sum) {
    return (sum & 0xffffffffu) + (sum >> 32);
}

enum checksum checksum_ip(struct slice header) {
    const uint8_t *p = header.ptr;
    uint64_t sum = 0;

    if (header.len < IPV4_MIN || p[0] >> 4 != 4)
        return CHECKSUM_UNKNOWN;
    for (size_t at = 0; at < IPV4_MIN; at += 4)
        sum += load(p + at, 4);
    if (header.len > IPV4_MIN)
        sum += halves(checksum_sum(slice_between(header, IPV4_MIN, header.len)));
    if (is_right(sum))
        return CHECKSUM_RIGHT;
    return p[IPV4_CHECKSUM_AT] || p[IPV4_CHECKSUM_AT + 1] ? CHECKSUM_WRONG : CHECKSUM_OFFLOADED;
}

static uint64_t sum_of_address(const struct ip_addr *ip) {
    uint64_t sum = load(ip->bytes, 4);

    for (size_t at = 4; at < ip->len; at += 4)
        sum += load(ip->bytes + at, 4);
    return sum;
}

enum checksum checksum_transport(const struct packet *packet, uint8_t protocol, uint64_t sum,
                                 uint64_t numbers, size_t len, uint16_t field) {
    uint64_t addresses = 0;

    sum = halves(sum);
    if (protocol != PROTOCOL_ICMP) {
        addresses = sum_of_address(&packet->src.ip) + sum_of_address(&packet->dst.ip);
        numbers += len + protocol;
    }
    /* Modulo 2^16 - 1 a number times ntohs(1) is what its bytes, in the network's order, load as.
     */
    if (is_right(sum + addresses + numbers * ntohs(1)))
        return CHECKSUM_RIGHT;
    if (protocol == PROTOCOL_ICMP)
        return CHECKSUM_WRONG;
    /* Linux leaves the sum of the pseudo header (CHECKSUM_PARTIAL), Windows for large sends that
     * without the length; others leave nothing, which over UDP means that there is none. */
    uint64_t without_len = (uint64_t)ntohs(fold(addresses)) + protocol;
    if (!field || field == fold(without_len + len) || field == fold(without_len))
        return CHECKSUM_OFFLOADED;
    return CHECKSUM_WRONG;
}

/* Of what goes from one host to another: an edited capture may have some of it only wrong. */
static struct checksum_source *source_of(struct net *net, const struct packet *packet) {
    uint64_t key =
        load(packet->src.ip.bytes, 8) * 0x9e3779b97f4a7c15u ^ load(packet->dst.ip.bytes, 8);

    if (packet->src.ip.len > 8)
        key ^= load(packet->src.ip.bytes + 8, 8) * 0x8ebc6af09c88c6e3u ^
               load(packet->dst.ip.bytes + 8, 8) << 1;
    key = key * 0xe7037ed1a0b428dbu | 1;
    struct checksum_source *source = &net->checksums->slots[key >> (64 - SOURCES_LOG2)];
    if (source->key != key)
        *source = (struct checksum_source){.key = key};
    return source;
}

/* A wrong one: of a host that is known to send right ones? */
static bool is_believed(struct checksum_sources *sources, struct checksum_source *source,
                        enum checksum_kind kind) {
    struct checksum_wrong *wrong = &sources->wrong[source - sources->slots];

    if (!source->has_wrong)
        *wrong = (struct checksum_wrong){0};
    source->has_wrong = true;
    wrong->of[kind]++;
    return source->right[kind] >= wrong->of[kind] * RIGHT_FOR_WRONG;
}

/* Too early to tell: it is taken as received, and told as what may not have been. */
static void doubt(struct net *net, const struct packet *packet,
                  const struct checksum_source *source, enum checksum_kind kind) {
    const struct checksum_wrong *wrong = &net->checksums->wrong[source - net->checksums->slots];

    if (wrong->of[kind] <= DOUBTED && net->handler.hole)
        net->handler.hole(net->handler.context,
                          &(struct packet_hole){.host = packet->dst.ip,
                                                .kind = HOLE_DAMAGED,
                                                .missing = 1,
                                                .from_ns = packet->t_ns,
                                                .to_ns = packet->t_ns + DOUBTED_NS,
                                                .frame_no = packet->frame_no});
}

bool checksum_holds(struct net *net, const struct packet *packet, enum checksum ip,
                    enum checksum_kind kind, enum checksum own) {
    struct checksum_source *source = source_of(net, packet);
    bool wrong = false;

    source->right[CHECKSUM_IPV4] += ip == CHECKSUM_RIGHT;
    source->right[kind] += own == CHECKSUM_RIGHT;
    if (ip == CHECKSUM_WRONG)
        wrong = is_believed(net->checksums, source, CHECKSUM_IPV4);
    if (own == CHECKSUM_WRONG) {
        if (is_believed(net->checksums, source, kind))
            wrong = true;
        else
            doubt(net, packet, source, kind);
    }
    if (wrong)
        net_note(net, NET_BAD_CHECKSUM, packet->frame_no, 0);
    return !wrong;
}
