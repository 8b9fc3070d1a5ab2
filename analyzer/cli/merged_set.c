/* The first pass over the files of a set: begins, capture points, clocks. */
#include "cli/merged_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/temporary.h"
#include "cli/captures.h"
#include "cli/commands.h"
#include "net/capture_points.h"

struct member {
    const char *path; /* what to open: not always what it is called */
    FILE *spool;      /* its copy, where it could be read only once; NULL: none */
    uint64_t size_bytes;
    struct capture_span span;
    int64_t begins_ns; /* time stamp of its first frame */
};

struct merged_set {
    struct arena arena;
    struct member *members;
    size_t count;
    struct merge *merge;
};

/* ---- what can be read only once ---- */

static bool copy_all(FILE *from, FILE *to) {
    char bytes[1 << 16];
    size_t n;

    while ((n = fread(bytes, 1, sizeof bytes, from)) > 0)
        if (fwrite(bytes, 1, n, to) != n)
            return false;
    return !ferror(from) && fflush(to) == 0;
}

/* Standard input or a pipe becomes a temporary file, and the member's path one that opens it. */
static void spool(struct merged_set *set, struct member *member) {
    bool is_input = strcmp(member->path, "-") == 0;
    FILE *from = is_input ? stdin : fopen(member->path, "rb");

    if (!from)
        return; /* said when it is opened as a capture */
    member->spool = temporary_file();
    errno = 0;
    if (!member->spool || !copy_all(from, member->spool))
        cli_say("%s: cannot be kept in a temporary file%s%s", capture_label(member->path),
                errno ? ": " : "", errno ? strerror(errno) : "");
    else
        member->size_bytes = (uint64_t)ftello(member->spool);
    if (!is_input)
        fclose(from);
    if (member->spool)
        member->path = arena_printf(&set->arena, "/proc/self/fd/%d", fileno(member->spool));
}

static void prepare(struct merged_set *set, struct member *member) {
    struct stat status;

    member->begins_ns = INT64_MIN;
    if (strcmp(member->path, "-") == 0)
        spool(set, member);
    else if (stat(member->path, &status) != 0)
        return;
    else if (S_ISREG(status.st_mode))
        member->size_bytes = (uint64_t)status.st_size;
    else if (!S_ISDIR(status.st_mode))
        spool(set, member);
}

/* ---- the first pass ---- */

static void survey(struct member *member, struct common_packets *common, uint32_t index) {
    struct capture_error error;
    struct capture *capture = capture_open(member->path, &error);
    struct capture_span *span = &member->span;
    struct frame frame;

    if (!capture)
        return;
    common_packets_begin(common, index);
    while (capture_next(capture, &frame, &error) == CAPTURE_OK) {
        if (!span->any)
            member->begins_ns = span->first_ns = span->last_ns = frame.t_ns;
        else if (frame.t_ns < span->first_ns)
            span->first_ns = frame.t_ns;
        else if (frame.t_ns > span->last_ns)
            span->last_ns = frame.t_ns;
        span->any = true;
        common_packets_feed(common, &frame);
    }
    common_packets_end(common);
    capture_close(capture);
}

static int by_size(const void *one, const void *other, void *context) {
    const struct merged_set *set = context;
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    uint64_t x = set->members[a].size_bytes, y = set->members[b].size_bytes;

    if (x != y)
        return x < y ? -1 : 1;
    return a < b ? -1 : a > b;
}

/* The smaller ones first: see net/common_packets.h. */
static struct common_packets *survey_all(struct merged_set *set) {
    struct common_packets *common = common_packets_new(set->count);
    uint32_t *order = memory_new_zeroed(set->count, sizeof *order);

    for (size_t i = 0; i < set->count; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, set->count, sizeof *order, by_size, set);
    for (size_t i = 0; i < set->count; i++)
        survey(&set->members[order[i]], common, order[i]);
    free(order);
    return common;
}

static struct clock_correction correction_by(const struct clock_offset *offset) {
    if (!offset->known)
        return (struct clock_correction){0};
    return (struct clock_correction){.offset_ns = -offset->offset_ns,
                                     .drift_from_ns = offset->at_b_ns,
                                     .drift_ppb = -offset->drift_ppb};
}

/* A clock that was set: each stretch is put right by its own offset. */
static void put_right(struct merged_set *set, const struct common_link *link,
                      const struct clock_stretch *stretches, size_t index,
                      struct merge_file *file) {
    if (!link || !link->stretch_count)
        return;
    struct clock_piece *pieces = ARENA_ARRAY(&set->arena, struct clock_piece, link->stretch_count);
    for (size_t i = 0; i < link->stretch_count; i++) {
        const struct clock_stretch *stretch = &stretches[link->stretches + i];
        bool is_b = link->b == index;
        struct clock_offset offset =
            is_b ? stretch->offset : clock_offset_reversed(&stretch->offset);
        pieces[i].from_no = is_b ? stretch->from_b : stretch->from_a;
        offset.known = true;
        pieces[i].correction = correction_by(&offset);
    }
    file->correction = pieces[0].correction;
    file->pieces = pieces + 1;
    file->piece_count = link->stretch_count - 1;
}

static void plan(struct merged_set *set, const struct common_packets *common, char *const *paths) {
    struct capture_span *spans = memory_new_zeroed(set->count, sizeof *spans);
    struct capture_point *points = memory_new_zeroed(set->count, sizeof *points);
    struct merge_file *files = memory_new_zeroed(set->count, sizeof *files);
    size_t link_count;
    const struct common_link *links = common_packets_links(common, &link_count);

    for (size_t i = 0; i < set->count; i++)
        spans[i] = set->members[i].span;
    capture_points_tell(spans, set->count, links, link_count, points);
    for (size_t i = 0; i < set->count; i++) {
        const struct clock_offset *offset = &points[i].offset;
        files[i] = (struct merge_file){.path = set->members[i].path,
                                       .label = capture_label(paths[i]),
                                       .point = points[i].point,
                                       .first_ns = set->members[i].begins_ns,
                                       .reference = points[i].reference,
                                       .common = (uint32_t)offset->agreed,
                                       .stepped = offset->stepped,
                                       .doubted = points[i].doubted,
                                       .doubted_with = points[i].doubted_with};
        files[i].correction = correction_by(offset);
        put_right(set, points[i].link, common_packets_stretches(common), i, &files[i]);
    }
    set->merge = merge_new(files, set->count);
    free(spans);
    free(points);
    free(files);
}

struct merged_set *merged_set_new(char *const *paths, size_t count) {
    struct merged_set *set = memory_new_zeroed(1, sizeof *set);

    set->members = memory_new_zeroed(count, sizeof *set->members);
    set->count = count;
    for (size_t i = 0; i < count; i++) {
        set->members[i].path = paths[i];
        prepare(set, &set->members[i]);
    }
    struct common_packets *common = survey_all(set);
    plan(set, common, paths);
    common_packets_free(common);
    return set;
}

struct merge *merged_set_merge(const struct merged_set *set) {
    return set->merge;
}

void merged_set_free(struct merged_set *set) {
    if (!set)
        return;
    merge_free(set->merge);
    for (size_t i = 0; i < set->count; i++)
        if (set->members[i].spool)
            fclose(set->members[i].spool);
    free(set->members);
    arena_fini(&set->arena);
    free(set);
}
