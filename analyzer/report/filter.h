/* A display filter for Wireshark that shows the frames of an occurrence. */
#ifndef REPORT_FILTER_H
#define REPORT_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "capture/merge.h"

enum filter_style {
    FILTER_EVERY,  /* frame.number in {955,956,957,970} */
    FILTER_RANGES, /* frame.number in {955..957,970} */
};

/* frames  ascending. Returns a malloced string. */
char *filter_text(const uint32_t *frames, size_t count, enum filter_style style);

/* Of a merged set: a filter for each file that has frames among these, in the order of files. */
struct file_filter {
    uint32_t file;
    char *text;
};
struct file_filters {
    struct file_filter *items;
    size_t n, cap;
};

struct file_filters filters_by_file(const struct merge *merge, const uint32_t *frames, size_t count,
                                    enum filter_style style);
void file_filters_fini(struct file_filters *filters);

#endif
