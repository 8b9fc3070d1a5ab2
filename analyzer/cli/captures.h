/* The captures of a command line: which files, and the reading of one. */
#ifndef CLI_CAPTURES_H
#define CLI_CAPTURES_H

#include "cli/options.h"
#include "phone/story.h"

struct captures {
    ARRAY_OF(char *) paths; /* "-": standard input */
    bool incomplete;        /* an operand gave nothing: said already, status 3 is due */
};

/* Operands become paths: a folder stands for every capture in it, recursively, in sorted order;
 * files in it that are no captures are passed over. */
void captures_list(struct captures *captures, const struct text_list *operands);
void captures_fini(struct captures *captures);

/* Read one and tell its story. Never NULL: a capture that could not be read to its end (said on
 * standard error) gives the story of what was read, or an empty one, with the `damaged` warning. */
struct told_capture {
    struct story *story;
    bool complete; /* false: status 3 is due */
    bool opened;   /* false: it is no capture at all */
};
struct told_capture capture_tell(const char *path, const struct story_options *options);

/* How messages name it. */
const char *capture_label(const char *path);

#endif
