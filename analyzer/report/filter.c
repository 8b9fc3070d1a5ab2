/* Display filters: Wireshark's set membership, https://www.wireshark.org/docs/wsug_html_chunked/
 * ChWorkBuildDisplayFilterSection.html, "Membership Operator": commas between, .. for a range. */
#include "report/filter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

static const char head[] = "frame.number in {";
enum { NUMBER_LEN = 11 }; /* ten digits and a comma or dot; a range has two of them and a dot */

char *filter_text(const uint32_t *frames, size_t count, enum filter_style style) {
    size_t room = sizeof head + 1 + count * (NUMBER_LEN + 1);
    char *text = memory_new(room);
    size_t len = (size_t)snprintf(text, room, "%s", head);

    for (size_t i = 0; i < count; i++) {
        size_t last = i;
        while (style == FILTER_RANGES && last + 1 < count && frames[last + 1] == frames[last] + 1)
            last++;
        if (last < i + 2) /* two neighbours are shorter as they are */
            last = i;
        len += (size_t)snprintf(text + len, room - len, "%s%u", i ? "," : "", frames[i]);
        if (last > i)
            len += (size_t)snprintf(text + len, room - len, "..%u", frames[last]);
        i = last;
    }
    snprintf(text + len, room - len, "}");
    return text;
}

static int by_place(const void *one, const void *other) {
    const struct frame_place *a = one, *b = other;

    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    return a->frame < b->frame ? -1 : a->frame > b->frame;
}

struct file_filters filters_by_file(const struct merge *merge, const uint32_t *frames, size_t count,
                                    enum filter_style style) {
    struct frame_place *places = memory_new_zeroed(count, sizeof *places);
    uint32_t *numbers = memory_new_zeroed(count, sizeof *numbers);
    struct file_filters filters = {0};

    for (size_t i = 0; i < count; i++)
        places[i] = merge_place(merge, frames[i]);
    if (count)
        qsort(places, count, sizeof *places, by_place);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && places[to].file == places[from].file; to++)
            numbers[to - from] = places[to].frame;
        *ARRAY_PUSH(&filters) =
            (struct file_filter){places[from].file, filter_text(numbers, to - from, style)};
    }
    free(places);
    free(numbers);
    return filters;
}

void file_filters_fini(struct file_filters *filters) {
    for (size_t i = 0; i < filters->n; i++)
        free(filters->items[i].text);
    ARRAY_FINI(filters);
}
