/* A display filter for Wireshark that shows the frames of an occurrence. */
#ifndef REPORT_FILTER_H
#define REPORT_FILTER_H

#include <stddef.h>
#include <stdint.h>

enum filter_style {
    FILTER_EVERY,  /* frame.number in {955,956,957,970} */
    FILTER_RANGES, /* frame.number in {955..957,970} */
};

/* frames  ascending. Returns a malloced string. */
char *filter_text(const uint32_t *frames, size_t count, enum filter_style style);

#endif
