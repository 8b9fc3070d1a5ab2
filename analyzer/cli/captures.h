/* The captures of a command line: which files, and the reading of one, or of all as one (--merge).
 */
#ifndef CLI_CAPTURES_H
#define CLI_CAPTURES_H

#include "cli/merged_set.h"
#include "cli/options.h"
#include "phone/story.h"
#include "tls/tls_keylog.h"

struct captures {
    ARRAY_OF(char *) paths; /* "-": standard input */
    bool incomplete;        /* an operand gave nothing: said already, status 3 is due */
    bool merge;             /* they are one timeline: there is one capture */
    char *set_name;         /* of them together; NULL: not merged */
};

/* Operands become paths: a folder stands for every capture in it, recursively, in sorted order;
 * files in it that are no captures are passed over. merge: a file that is named twice is taken once
 * (said); what remains is one capture. */
void captures_list(struct captures *captures, const struct text_list *operands, bool merge);
void captures_fini(struct captures *captures);

/* How many there are to be read one by one, and how messages name one. */
size_t captures_count(const struct captures *captures);
const char *captures_name(const struct captures *captures, size_t index);

/* How messages name a file. */
const char *capture_label(const char *path);

/* A capture being read: a file, or a set of them. */
struct reading {
    struct capture *capture; /* NULL: a set, or a file that could not be opened */
    struct merged_set *set;  /* NULL: a file; to be kept as long as frames are told of */
    const char *path;
    struct capture_error end;  /* of a file: how far its reading came */
    bool complete;             /* after reading_end: all was read; false: status 3 is due */
    bool opened;               /* false: it is no capture at all */
    uint64_t dropped;          /* after reading_end: packets that the capturing side dropped, */
    uint64_t secrets_left_out; /* and blocks of TLS secrets that are more than are taken up */
};

void reading_begin(struct reading *reading, const struct captures *captures, size_t index);

/* The next frame; false: there are no more. */
static inline bool reading_next(struct reading *reading, struct frame *frame) {
    if (reading->set)
        return merge_next(merged_set_merge(reading->set), frame);
    if (!reading->capture)
        return false;
    reading->end.status = capture_next(reading->capture, frame, &reading->end);
    return reading->end.status == CAPTURE_OK;
}

/* TLS secrets that the files told since the last call; see capture_take_secrets. */
struct slice reading_take_secrets(struct reading *reading);
/* The same, taken into a key log. To be called after each frame. */
void reading_read_secrets(struct reading *reading, struct tls_keylog *keylog);

/* Everything was read: say on standard error what could not be, close the file. Returns what is
 * wrong in one malloced sentence; NULL: nothing. */
char *reading_end(struct reading *reading);
void reading_fini(struct reading *reading);

/* Read one and tell its story. Never NULL: a capture that could not be read to its end (said on
 * standard error) gives the story of what was read, or an empty one, with the `damaged` warning. */
struct told_capture {
    struct story *story;
    struct merged_set *set; /* what the story's frames are of; NULL: one file */
    bool complete;          /* false: status 3 is due */
    bool opened;            /* false: it is no capture at all */
};
struct told_capture capture_tell(const struct captures *captures, size_t index,
                                 const struct story_options *options);
void told_capture_fini(struct told_capture *told);

#endif
