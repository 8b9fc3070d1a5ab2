/* Display filters: Wireshark's set membership, https://www.wireshark.org/docs/wsug_html_chunked/
 * ChWorkBuildDisplayFilterSection.html, "Membership Operator": commas between, .. for a range. */
#include "report/filter.h"

#include <stdio.h>

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
