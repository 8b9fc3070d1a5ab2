/* From frames to the story: the collection runs while the capture goes by, the telling when it
 * ends. */
#include "phone/story.h"

#include "phone/tell.h"

#include <stdlib.h>

struct story_builder {
    struct collection collection;
    struct message_reader *reader;
    struct story_options options;
    struct telling telling;
    char *damaged;
};

struct story_builder *story_begin(const struct story_options *options) {
    struct story_builder *builder = memory_new_zeroed(1, sizeof *builder);
    const struct message_handler handler = {.context = &builder->collection,
                                            .message = collect_message,
                                            .tls = collect_tls,
                                            .conn = collect_conn,
                                            .gap = collect_gap,
                                            .icmp = collect_icmp,
                                            .neighbour = collect_neighbour,
                                            .reported = collect_reported,
                                            .dhcp = collect_dhcp,
                                            .hole = collect_hole,
                                            .note = collect_note};

    collection_init(&builder->collection);
    if (options)
        builder->options = *options;
    builder->reader = message_reader_new(&handler);
    message_reader_secrets(builder->reader, builder->options.keylog);
    return builder;
}

static void note_link_type(struct collection *c, int link_type) {
    for (size_t i = c->link_types.n; i-- > 0;)
        if (c->link_types.items[i] == link_type)
            return;
    *ARRAY_PUSH(&c->link_types) = link_type;
}

/* Packets of several queues and interfaces are out of order by less; a clock that is set goes back
 * by more. Forward, only what no capture waits for can be told: a device that begins in 1970. */
#define CLOCK_STEP_NS ((int64_t)100000000)

#define CLOCK_SET_NS ((int64_t)60 * 24 * 3600 * 1000000000)

/* Nothing was captured for months. Within a file its clock was set; between files of a set nobody
 * captured anything. */
static void note_pause(struct collection *c, const struct frame *frame, int64_t before_ns) {
    if (frame->t_ns - before_ns > CLOCK_SET_NS)
        c->clock_step_ns = frame->t_ns - before_ns;
    else
        collect_loss(c, LOSS_NO_FILE, &(struct ip_addr){0}, &(struct ip_addr){0}, c->frame_ns,
                     frame->t_ns, frame->no);
}

void story_feed(struct story_builder *builder, const struct frame *frame) {
    struct collection *c = &builder->collection;

    int64_t before_ns = frame->before_ns ? frame->before_ns : c->frame_ns;

    if (c->packets++ && frame->t_ns - c->frame_ns > CLOCK_SET_NS)
        note_pause(c, frame, before_ns);
    if (!c->link_types.n || c->link_types.items[c->link_types.n - 1] != frame->link_type)
        note_link_type(c, frame->link_type);
    c->reported = false;
    c->frame_ns = frame->t_ns;
    message_reader_feed(builder->reader, frame);
    if (!c->reported)
        collect_time(c, frame->t_ns + c->agent_ahead_ns);
}

void story_damaged(struct story_builder *builder, const char *message) {
    free(builder->damaged);
    builder->damaged = strdup(message);
}

void story_secrets_left_out(struct story_builder *builder, uint64_t blocks) {
    builder->collection.limit_secrets = blocks;
}

static void telling_fini(struct telling *telling) {
    for (size_t i = 0; i < telling->phones.n; i++) {
        struct phone_draft *draft = &telling->phones.items[i];
        ARRAY_FINI(&draft->hosts);
        ARRAY_FINI(&draft->txs);
        ARRAY_FINI(&draft->queries);
        ARRAY_FINI(&draft->connections);
        ARRAY_FINI(&draft->incoming);
        ARRAY_FINI(&draft->accounts);
        ARRAY_FINI(&draft->lost);
        ARRAY_FINI(&draft->neighbours);
        ARRAY_FINI(&draft->losses);
        ARRAY_FINI(&draft->boots);
        ARRAY_FINI(&draft->restarts);
        ARRAY_FINI(&draft->subscription_ends);
    }
    for (size_t i = 0; i < telling->accounts.n; i++) {
        ARRAY_FINI(&telling->accounts.items[i].txs);
        ARRAY_FINI(&telling->accounts.items[i].follows);
    }
    ARRAY_FINI(&telling->phones);
    ARRAY_FINI(&telling->accounts);
    tell_accounts_fini(telling);
    arena_fini(&telling->of_phone);
    index_fini(&telling->phone_of_host);
    index_fini(&telling->first_bye);
}

/* What is known of all phones before any is told. */
static void begin_telling(struct telling *telling) {
    struct story *story = telling->story;

    tell_people(telling);
    tell_losses_divide(telling);
    telling->list = ARENA_ARRAY(&story->arena, struct phone, telling->phones.n);
    for (uint32_t p = 0; p < telling->phones.n; p++)
        telling->list[p] = telling->phones.items[p].phone;
    story->phones = telling->list;
    story->phone_count = telling->phones.n;
    story->srv_answers = telling->c->srv_answers.items;
    story->srv_answer_count = telling->c->srv_answers.n;
}

/* What the story itself says of the capture. */
static void describe_capture(struct story *story, const struct collection *c,
                             const char *const *files, size_t file_count) {
    const char **names = ARENA_ARRAY(&story->arena, const char *, file_count);
    int *link_types = ARENA_ARRAY(&story->arena, int, c->link_types.n);

    for (size_t i = 0; i < file_count; i++)
        names[i] = arena_text(&story->arena, slice_of_text(files[i]));
    for (size_t i = 0; i < c->link_types.n; i++)
        link_types[i] = c->link_types.items[i];
    story->files = names;
    story->file_count = file_count;
    story->packets = c->packets;
    story->sip = c->sip;
    story->sip_cut = c->headless && !c->txs.n;
    story->start_ns = c->start_ns;
    story->end_ns = c->end_ns;
    story->link_types = link_types;
    story->link_type_count = c->link_types.n;
}

static void builder_free(struct story_builder *builder) {
    telling_fini(&builder->telling);
    collection_fini(&builder->collection);
    free(builder->damaged);
    free(builder);
}

struct story *story_end(struct story_builder *builder, const char *const *files, size_t file_count,
                        uint64_t dropped_packets) {
    struct collection *c = &builder->collection;
    struct story *story = memory_new_zeroed(1, sizeof *story);
    struct telling *telling = &builder->telling;

    message_reader_end(builder->reader);
    story->tls = *message_reader_tls(builder->reader);
    message_reader_free(builder->reader);
    builder->reader = NULL;
    collection_end(c);
    story->arena = c->arena;
    c->arena = (struct arena){0};
    *telling = (struct telling){.c = c, .story = story, .options = &builder->options};
    describe_capture(story, c, files, file_count);
    story->dropped_packets = dropped_packets;
    story->clock_stepped = builder->collection.clock_step_ns > CLOCK_STEP_NS;
    story->whole_seconds = !builder->collection.fractions;
    story->builder = builder;
    begin_telling(telling);
    if (builder->options.by_phone) {
        telling->arena = &telling->of_phone;
    } else {
        telling->arena = &story->arena;
        for (uint32_t p = 0; p < telling->phones.n; p++) {
            tell_phone(telling, p);
            telling->list[p] = telling->phones.items[p].phone;
        }
    }
    tell_warnings(telling, builder->damaged);
    return story;
}

static bool is_told_by_phone(const struct story *story) {
    return story->builder && story->builder->options.by_phone;
}

void story_enter_phone(const struct story *story, size_t p) {
    if (!is_told_by_phone(story))
        return;
    struct telling *telling = &story->builder->telling;
    tell_phone(telling, (uint32_t)p);
    telling->list[p] = telling->phones.items[p].phone;
}

void story_leave_phone(const struct story *story) {
    if (is_told_by_phone(story))
        arena_clear(&story->builder->telling.of_phone);
}

void story_free(struct story *story) {
    if (!story)
        return;
    builder_free(story->builder);
    arena_fini(&story->arena);
    free(story);
}
