/* A story of several files: where its frames are, and what no clock tells. */
#include "capture/merge.h"
#include "phone/story.h"

static const char *doubt_text(struct story *story, size_t file) {
    const struct merge_file *of = merge_file(story->merge, file);

    if (of->stepped)
        return arena_printf(&story->arena,
                            "the clock of file %zu was set in between, against that of file %u: no "
                            "time between them is known",
                            file + 1, of->reference + 1);
    return arena_printf(&story->arena,
                        "files %u and %zu hold packets in common, too few to tell how far their "
                        "clocks are apart: no time between them is known",
                        of->doubted_with + 1, file + 1);
}

void story_merged(struct story *story, const struct merge *merge) {
    struct warning *warning = &story->warnings[WARNING_CLOCK_BACKWARDS];
    bool told = false;

    story->merge = merge;
    story->clocks_doubted = merge_clocks_doubted(merge);
    for (size_t i = 0; i < merge_file_count(merge); i++) {
        if (!merge_file(merge, i)->stepped && !merge_file(merge, i)->doubted)
            continue;
        warning->count++;
        if (!told)
            warning->message = doubt_text(story, i);
        told = true;
    }
}
