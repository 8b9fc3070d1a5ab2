/* pcapng files (draft-ietf-opsawg-pcapng): blocks, front to back.
 *
 *   | type | length | body, padded to 4 bytes … | length |
 *
 * A section header block (SHB) sets the byte order and starts the interfaces afresh; an interface
 * description block (IDB) says link type and clock; then packets, of any interface, in enhanced
 * (EPB), simple (SPB) or obsolete (PB) blocks; interface statistics (ISB) tell of drops, decryption
 * secrets (DSB) open the TLS of the packets that follow. Every other block is passed over by its
 * length, and so are secrets beyond 16 MiB. Options that run beyond their block are passed over too
 * where only a drop counter is lost; without those of an interface its times and packets would be
 * read wrongly, and the reading ends.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "capture/reader.h"
#include "capture/secrets.h"
#include "capture/tick_clock.h"

enum {
    BLOCK_MIN = 12,
    BLOCK_MAX = 16 * 1024 * 1024, /* of the kinds that we look into; Wireshark's bound */
    INTERFACES_MAX = 65536,
};

enum block_type {
    BLOCK_IDB = 1,
    BLOCK_PB = 2,
    BLOCK_SPB = 3,
    BLOCK_ISB = 5,
    BLOCK_EPB = 6,
    BLOCK_JOURNAL = 9,
    BLOCK_DSB = 10,
    BLOCK_SYSDIG_EVENT = 0x204,
    BLOCK_SYSDIG_EVENT_2 = 0x216,
    BLOCK_SYSDIG_EVENT_2_LARGE = 0x221,
    BLOCK_CUSTOM = 0x0bad,
    BLOCK_CUSTOM_PRIVATE = 0x40000bad, /* not to be copied */
    BLOCK_SHB = 0x0a0d0d0a,
};

enum option {
    OPTION_END = 0,
    OPTION_PACKET_FLAGS = 2, /* of both EPB and PB */
    OPTION_EPB_DROPCOUNT = 4,
    OPTION_ISB_IFDROP = 5,
    OPTION_ISB_OSDROP = 7,
    OPTION_IF_TSRESOL = 9,
    OPTION_IF_FCSLEN = 13,
    OPTION_IF_TSOFFSET = 14,
};

/* Secrets type of a DSB: the NSS key log format, "TLSK". */
#define SECRETS_TLS_KEY_LOG 0x544c534bu

/* Bits 5 to 8 of the packet flags: bytes of the frame check sequence, 0 where not known. */
#define FLAGS_FCS_SHIFT 5
#define FLAGS_FCS_MASK 0xfu

struct interface {
    int link_type;
    uint32_t snap_len; /* 0: no bound */
    uint32_t fcs_len;  /* bytes; 0: none, or not known */
    struct tick_clock clock;
    uint64_t if_drops, os_drops; /* the last statistics: they count from the start */
    uint64_t packet_drops;       /* summed from the packets */
};

struct reader {
    struct input *in;
    bool begun; /* the first section header has been read */
    bool big;
    uint32_t frame_no;
    int64_t t_ns; /* of the packet before: a simple packet has no time */
    ARRAY_OF(struct interface) interfaces;
    uint64_t dropped; /* in sections that are over */
    struct secrets secrets;
    size_t secrets_len; /* that were taken up, in all */
};

/* A block that is being looked at. */
struct block {
    uint32_t type, len;
    uint64_t byte;
    struct slice body;
};

/* Blocks are padded to 4 bytes; some writers count the padding in their length, some do not. */
static uint32_t with_padding(uint32_t len) {
    return (len + 3) / 4 * 4;
}

static bool take_u16(const struct reader *reader, struct slice *in, uint16_t *v) {
    return reader->big ? slice_take_u16be(in, v) : slice_take_u16le(in, v);
}

static bool take_u32(const struct reader *reader, struct slice *in, uint32_t *v) {
    return reader->big ? slice_take_u32be(in, v) : slice_take_u32le(in, v);
}

static bool take_u64(const struct reader *reader, struct slice *in, uint64_t *v) {
    uint32_t first, second;

    if (in->len < 8 || !take_u32(reader, in, &first) || !take_u32(reader, in, &second))
        return false;
    *v = reader->big ? (uint64_t)first << 32 | second : (uint64_t)second << 32 | first;
    return true;
}

/* The next option of a list; false at its end, which is behind OPTION_END or that of the block, or
 * where an option runs beyond that: then bytes are left in *in. */
static bool take_option(const struct reader *reader, struct slice *in, uint16_t *code,
                        struct slice *value) {
    struct slice at = *in;
    uint16_t len;

    if (!take_u16(reader, &at, code) || !take_u16(reader, &at, &len) ||
        !slice_take(&at, len, value))
        return false;
    *in = at;
    if (*code == OPTION_END) {
        in->len = 0;
        return false;
    }
    size_t padding = (4 - len % 4u) % 4;
    slice_skip(in, padding < in->len ? padding : in->len);
    return true;
}

/* Statistics and packets may both tell of the same drops: the larger number stands. */
static uint64_t pcapng_reader_dropped(const struct reader *reader) {
    uint64_t sum = reader->dropped;

    for (size_t i = 0; i < reader->interfaces.n; i++) {
        const struct interface *interface = &reader->interfaces.items[i];
        uint64_t counted = interface->if_drops + interface->os_drops;
        sum += counted > interface->packet_drops ? counted : interface->packet_drops;
    }
    return sum;
}

/* The frame at which damage is met; 0: in the file's own header. */
static uint32_t at_frame(const struct reader *reader) {
    return reader->begun ? reader->frame_no + 1 : 0;
}

static enum capture_status bad_block(const struct reader *reader, const struct block *block,
                                     struct capture_error *error, const char *why) {
    return capture_damaged(error, reader->in, at_frame(reader), block->byte, "%s", why);
}

static enum capture_status read_shb(struct reader *reader, const struct block *block,
                                    struct frame *frame, struct capture_error *error) {
    struct slice in = block->body;
    uint32_t magic;
    uint16_t major;

    (void)frame;
    if (!take_u32(reader, &in, &magic) || !take_u16(reader, &in, &major))
        return bad_block(reader, block, error, "the section header is too short");
    if (major != 1)
        return capture_damaged(error, reader->in, at_frame(reader), block->byte,
                               "the section has version %u of pcapng, and only 1 is known", major);
    reader->dropped = pcapng_reader_dropped(reader);
    reader->interfaces.n = 0;
    return CAPTURE_OK;
}

/* Is if_fcslen in bits, as the specification says, or in bytes, as its example has it? No check
 * sequence has less than 8 bits, nor 8 bytes. */
static uint32_t fcs_bytes(uint8_t len) {
    return len < 8 ? len : len / 8;
}

static void read_idb_option(const struct reader *reader, struct interface *interface, uint16_t code,
                            struct slice value) {
    uint64_t offset_s;

    if (code == OPTION_IF_TSRESOL && value.len == 1)
        tick_clock_set_resolution(&interface->clock, value.ptr[0]);
    else if (code == OPTION_IF_TSOFFSET && take_u64(reader, &value, &offset_s))
        tick_clock_set_offset(&interface->clock, (int64_t)offset_s);
    else if (code == OPTION_IF_FCSLEN && value.len == 1)
        interface->fcs_len = fcs_bytes(value.ptr[0]);
}

static enum capture_status read_idb(struct reader *reader, const struct block *block,
                                    struct frame *frame, struct capture_error *error) {
    struct slice in = block->body, value;
    uint16_t link_type, reserved, code;
    uint32_t snap_len;

    (void)frame;
    if (!take_u16(reader, &in, &link_type) || !take_u16(reader, &in, &reserved) ||
        !take_u32(reader, &in, &snap_len))
        return bad_block(reader, block, error, "the interface description is too short");
    if (reader->interfaces.n == INTERFACES_MAX)
        return bad_block(reader, block, error, "more than 65536 interfaces in a section");
    struct interface *interface = ARRAY_PUSH(&reader->interfaces);
    interface->link_type = link_type;
    interface->snap_len = snap_len;
    tick_clock_set_resolution(&interface->clock, 6);
    while (take_option(reader, &in, &code, &value))
        read_idb_option(reader, interface, code, value);
    if (in.len)
        return bad_block(reader, block, error,
                         "an option of the interface description runs beyond its block");
    return CAPTURE_OK;
}

/* Kind and length of the secrets, then themselves. */
static enum capture_status read_dsb(struct reader *reader, const struct block *block,
                                    struct frame *frame, struct capture_error *error) {
    struct slice in = block->body, text;
    uint32_t type, len;

    (void)frame;
    if (!take_u32(reader, &in, &type) || !take_u32(reader, &in, &len) ||
        !slice_take(&in, len, &text))
        return bad_block(reader, block, error, "the secrets run beyond their block");
    if (type != SECRETS_TLS_KEY_LOG)
        return CAPTURE_OK;
    if (len > SECRETS_MAX - reader->secrets_len) {
        reader->secrets.left_out++;
        return CAPTURE_OK;
    }
    reader->secrets_len += len;
    secrets_add(&reader->secrets, text);
    return CAPTURE_OK;
}

static uint64_t pcapng_reader_secrets_left_out(const struct reader *reader) {
    return reader->secrets.left_out;
}

static struct slice pcapng_reader_take_secrets(struct reader *reader) {
    return secrets_take(&reader->secrets);
}

static enum capture_status read_isb(struct reader *reader, const struct block *block,
                                    struct frame *frame, struct capture_error *error) {
    struct slice in = block->body, value;
    uint32_t id, t_high, t_low;
    uint64_t count;
    uint16_t code;

    (void)frame;
    (void)error;
    if (!take_u32(reader, &in, &id) || !take_u32(reader, &in, &t_high) ||
        !take_u32(reader, &in, &t_low) || id >= reader->interfaces.n)
        return CAPTURE_OK; /* statistics nobody can use: no reason to stop */
    struct interface *interface = &reader->interfaces.items[id];
    while (take_option(reader, &in, &code, &value)) {
        if (code == OPTION_ISB_IFDROP && take_u64(reader, &value, &count))
            interface->if_drops = count;
        else if (code == OPTION_ISB_OSDROP && take_u64(reader, &value, &count))
            interface->os_drops = count;
    }
    return CAPTURE_OK;
}

/* The packet at the front of in, of caplen bytes. */
static enum capture_status give_packet(struct reader *reader, const struct block *block,
                                       uint32_t id, struct slice *in, uint32_t cap_len,
                                       uint32_t wire_len, struct frame *frame,
                                       struct capture_error *error) {
    if (cap_len > in->len)
        return capture_damaged(error, reader->in, at_frame(reader), block->byte,
                               "the block has room for %zu of the packet's %u bytes", in->len,
                               cap_len);
    *frame = (struct frame){
        .no = ++reader->frame_no,
        .t_ns = reader->t_ns,
        .link_type = reader->interfaces.items[id].link_type,
        .interface = id,
        .wire_len = wire_len > cap_len ? wire_len : cap_len,
        .bytes = slice_of(in->ptr, cap_len),
    };
    size_t padded = ((size_t)cap_len + 3) / 4 * 4;
    slice_skip(in, padded < in->len ? padded : in->len);
    return CAPTURE_OK;
}

static enum capture_status no_interface(const struct reader *reader, const struct block *block,
                                        uint32_t id, struct capture_error *error) {
    return capture_damaged(error, reader->in, at_frame(reader), block->byte,
                           "the packet names interface %u, and the section describes %zu", id,
                           reader->interfaces.n);
}

/* The length of the packet's frame check sequence. */
static uint32_t read_packet_options(const struct reader *reader, const struct block *block,
                                    struct interface *interface, struct slice in) {
    uint32_t flags, fcs_len = interface->fcs_len;
    struct slice value;
    uint64_t count;
    uint16_t code;

    while (take_option(reader, &in, &code, &value)) {
        if (code == OPTION_PACKET_FLAGS && take_u32(reader, &value, &flags) &&
            (flags >> FLAGS_FCS_SHIFT & FLAGS_FCS_MASK))
            fcs_len = flags >> FLAGS_FCS_SHIFT & FLAGS_FCS_MASK;
        else if (code == OPTION_EPB_DROPCOUNT && block->type == BLOCK_EPB &&
                 take_u64(reader, &value, &count))
            interface->packet_drops += count;
    }
    return fcs_len;
}

/* Enhanced: interface 32 bits. Obsolete: interface 16, drops 16. Then time, caplen, len, bytes. */
static enum capture_status read_timed_packet(struct reader *reader, const struct block *block,
                                             struct frame *frame, struct capture_error *error) {
    struct slice in = block->body;
    uint32_t id, t_high, t_low, cap_len, wire_len;
    uint16_t short_id = 0, drops = 0xffff;
    bool enough = block->type == BLOCK_EPB
                      ? take_u32(reader, &in, &id)
                      : take_u16(reader, &in, &short_id) && take_u16(reader, &in, &drops);

    if (!enough || !take_u32(reader, &in, &t_high) || !take_u32(reader, &in, &t_low) ||
        !take_u32(reader, &in, &cap_len) || !take_u32(reader, &in, &wire_len))
        return bad_block(reader, block, error, "the packet block is too short");
    if (block->type == BLOCK_PB)
        id = short_id;
    if (id >= reader->interfaces.n)
        return no_interface(reader, block, id, error);

    struct interface *interface = &reader->interfaces.items[id];
    reader->t_ns = tick_clock_ns(&interface->clock, (uint64_t)t_high << 32 | t_low);
    if (drops != 0xffff)
        interface->packet_drops += drops;
    uint32_t fcs_len = interface->fcs_len;
    enum capture_status status =
        give_packet(reader, block, id, &in, cap_len, wire_len, frame, error);
    if (status == CAPTURE_OK && in.len)
        fcs_len = read_packet_options(reader, block, interface, in);
    if (status == CAPTURE_OK && fcs_len)
        capture_cut_fcs(frame, fcs_len);
    return status;
}

/* Simple: of the first interface; its captured length follows from the snapshot length. */
static enum capture_status read_spb(struct reader *reader, const struct block *block,
                                    struct frame *frame, struct capture_error *error) {
    struct slice in = block->body;
    uint32_t wire_len;

    if (!take_u32(reader, &in, &wire_len))
        return bad_block(reader, block, error, "the packet block is too short");
    if (!reader->interfaces.n)
        return no_interface(reader, block, 0, error);
    const struct interface *interface = &reader->interfaces.items[0];
    uint32_t cap_len = wire_len;
    if (interface->snap_len && interface->snap_len < cap_len)
        cap_len = interface->snap_len;
    enum capture_status status =
        give_packet(reader, block, 0, &in, cap_len, wire_len, frame, error);
    if (status == CAPTURE_OK)
        capture_cut_fcs(frame, interface->fcs_len);
    return status;
}

/* Journal entries, events of sysdig and custom blocks are no packets, but Wireshark numbers them as
 * frames. */
static enum capture_status read_other_record(struct reader *reader, const struct block *block,
                                             struct frame *frame, struct capture_error *error) {
    (void)block;
    (void)frame;
    (void)error;
    reader->frame_no++;
    return CAPTURE_OK;
}

static const struct block_kind {
    uint32_t type;
    bool is_packet;
    enum capture_status (*read)(struct reader *reader, const struct block *block,
                                struct frame *frame, struct capture_error *error);
} kinds[] = {
    {BLOCK_EPB, true, read_timed_packet},
    {BLOCK_SPB, true, read_spb},
    {BLOCK_PB, true, read_timed_packet},
    {BLOCK_IDB, false, read_idb},
    {BLOCK_ISB, false, read_isb},
    {BLOCK_SHB, false, read_shb},
    {BLOCK_DSB, false, read_dsb},
    {BLOCK_JOURNAL, false, read_other_record},
    {BLOCK_SYSDIG_EVENT, false, read_other_record},
    {BLOCK_SYSDIG_EVENT_2, false, read_other_record},
    {BLOCK_SYSDIG_EVENT_2_LARGE, false, read_other_record},
    {BLOCK_CUSTOM, false, read_other_record},
    {BLOCK_CUSTOM_PRIVATE, false, read_other_record},
};

static const struct block_kind *kind_of(uint32_t type) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

static enum capture_status cannot_read_on(const struct reader *reader, const struct block *block,
                                          struct capture_error *error) {
    return capture_damaged(error, reader->in, at_frame(reader), block->byte, "cannot read on: %s",
                           reader->in->why);
}

/* Type and length of the block in front of us; for a section header also the byte order. */
static enum capture_status peek_block(struct reader *reader, struct block *block,
                                      struct capture_error *error) {
    struct slice head = input_peek(reader->in, BLOCK_MIN);
    size_t got = head.len;
    struct slice order = slice_between(head, 8, 12);
    uint32_t magic = 0;

    *block = (struct block){.byte = reader->in->offset};
    if (got < BLOCK_MIN && reader->in->why[0])
        return cannot_read_on(reader, block, error);
    if (!got)
        return CAPTURE_END;
    if (got < BLOCK_MIN)
        return capture_damaged(error, reader->in, at_frame(reader), block->byte,
                               "the block's header ends after %zu of %d bytes", got, BLOCK_MIN);
    take_u32(reader, &head, &block->type);
    if (block->type == BLOCK_SHB) { /* the same in both orders */
        slice_take_u32be(&order, &magic);
        if (magic != 0x1a2b3c4d && magic != 0x4d3c2b1a)
            return bad_block(reader, block, error, "the section's byte order mark is broken");
        reader->big = magic == 0x1a2b3c4d;
    }
    take_u32(reader, &head, &block->len);
    if (block->len < BLOCK_MIN || block->len > UINT32_MAX - 3)
        return capture_damaged(error, reader->in, at_frame(reader), block->byte,
                               "a block of type 0x%08x says that it has %u bytes", block->type,
                               block->len);
    block->len = with_padding(block->len);
    return CAPTURE_OK;
}

/* The whole block, its body looked at in place. */
static enum capture_status read_block(struct reader *reader, struct block *block,
                                      const struct block_kind *kind, struct frame *frame,
                                      struct capture_error *error) {
    uint32_t len_again = 0;

    if (block->len > BLOCK_MAX)
        return capture_damaged(error, reader->in, at_frame(reader), block->byte,
                               "a block of type 0x%08x says that it has %u bytes", block->type,
                               block->len);
    struct slice all = input_peek(reader->in, block->len);
    if (all.len < block->len && reader->in->why[0])
        return cannot_read_on(reader, block, error);
    if (all.len < block->len)
        return capture_damaged(error, reader->in, at_frame(reader), block->byte,
                               "the %s ends after %zu of %u bytes",
                               kind->is_packet ? "packet's block" : "block", all.len, block->len);
    block->body = slice_between(all, 8, block->len - 4);
    struct slice trailer = slice_between(all, block->len - 4, block->len);
    take_u32(reader, &trailer, &len_again);
    if (len_again > UINT32_MAX - 3 || with_padding(len_again) != block->len)
        return capture_damaged(error, reader->in, at_frame(reader), block->byte,
                               "the block says %u bytes in front and %u at its end", block->len,
                               len_again);
    enum capture_status status = kind->read(reader, block, frame, error);
    /* What was peeked stays where it is until the next peek. */
    input_skip(reader->in, block->len);
    return status;
}

static enum capture_status pcapng_reader_next(struct reader *reader, struct frame *frame,
                                              struct capture_error *error) {
    for (;;) {
        struct block block;
        enum capture_status status = peek_block(reader, &block, error);
        if (status != CAPTURE_OK)
            return status;
        const struct block_kind *kind = kind_of(block.type);
        if (block.type == BLOCK_DSB && block.len > BLOCK_MAX) {
            reader->secrets.left_out++;
            kind = NULL;
        }
        if (!kind) {
            uint64_t skipped = input_skip(reader->in, block.len);
            if (skipped < block.len && reader->in->why[0])
                return cannot_read_on(reader, &block, error);
            if (skipped < block.len)
                return capture_damaged(error, reader->in, at_frame(reader), block.byte,
                                       "the block ends after %llu of %u bytes",
                                       (unsigned long long)skipped, block.len);
            continue;
        }
        status = read_block(reader, &block, kind, frame, error);
        if (status != CAPTURE_OK || kind->is_packet)
            return status;
    }
}

static struct reader *pcapng_reader_open(struct input *in, struct capture_error *error) {
    struct reader *reader = memory_new_zeroed(1, sizeof *reader);
    struct block block;

    reader->in = in;
    if (peek_block(reader, &block, error) == CAPTURE_OK &&
        read_block(reader, &block, kind_of(BLOCK_SHB), NULL, error) == CAPTURE_OK) {
        reader->begun = true;
        return reader;
    }
    free(reader);
    return NULL;
}

static void pcapng_reader_close(struct reader *reader) {
    ARRAY_FINI(&reader->interfaces);
    secrets_fini(&reader->secrets);
    free(reader);
}

const struct format format_pcapng = {
    .open = pcapng_reader_open,
    .next = pcapng_reader_next,
    .dropped = pcapng_reader_dropped,
    .take_secrets = pcapng_reader_take_secrets,
    .secrets_left_out = pcapng_reader_secrets_left_out,
    .close = pcapng_reader_close,
};
