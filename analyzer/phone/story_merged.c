/* A story of several files: where its frames are, and what no clock tells. */
#include "capture/merge.h"
#include "phone/story.h"

static const char *doubt_text(struct story *story, size_t file) {
    const struct merge_file *of = merge_file(story->merge, file);

    if (of->stepped)
        return arena_printf(&story->arena,
                            "the clock of file %u or of file %zu was set in between%s: which of "
                            "the two, and so what time passed there, is not known",
                            of->reference + 1, file + 1,
                            of->piece_count ? ", and each stretch is put right by itself" : "");
    return arena_printf(&story->arena,
                        "files %u and %zu hold packets in common, too few to tell how far their "
                        "clocks are apart: no time between them is known",
                        of->doubted_with + 1, file + 1);
}

/* What two points saw is there twice, without any mirror port. */
static void tell_copies(struct story *story, const struct merge *merge) {
    struct warning *warning = &story->warnings[WARNING_DUPLICATE_PACKETS];
    bool points = false;

    for (size_t i = 0; i < merge_file_count(merge); i++)
        points = points || merge_file(merge, i)->point;
    if (points && warning->count)
        warning->message = "packets of SIP, DNS and their connections were seen at several capture "
                           "points, or more than once at one; each counts once";
}

void story_merged(struct story *story, const struct merge *merge) {
    struct warning *warning = &story->warnings[WARNING_CLOCK_BACKWARDS];
    bool told = false;

    tell_copies(story, merge);
    story->merge = merge;
    story->clocks_doubted = merge_clocks_doubted(merge);
    for (size_t i = 0; i < merge_file_count(merge); i++) {
        if (!merge_file(merge, i)->stepped && !merge_file(merge, i)->doubted)
            continue;
        story->clock_stepped = story->clock_stepped || merge_file(merge, i)->stepped;
        warning->count++;
        if (!told)
            warning->message = doubt_text(story, i);
        told = true;
    }
}
