/* `show --messages`: every DNS and SIP message as one line of JSON (contract section 3), in the
 * order in which they were complete.
 *
 *     struct messages_report *report = messages_report_new(sink, NULL);
 *     struct message_handler handler = messages_report_handler(report);
 *     struct message_reader *reader = message_reader_new(&handler);
 *     for each frame: messages_report_frame(report, &frame), message_reader_feed(reader, &frame)
 *     message_reader_end(reader), message_reader_free(reader), messages_report_free(report)
 */
#ifndef REPORT_MESSAGES_H
#define REPORT_MESSAGES_H

#include "base/sink.h"
#include "capture/merge.h"
#include "phone/message.h"

struct messages_report;

/* sink, merge: borrowed, until messages_report_free. merge: what the frames are of, where it is a
 * merged set: then `frame` and `frames` have `file` and `files` beside them; NULL: one file. */
struct messages_report *messages_report_new(struct sink *sink, const struct merge *merge);

/* The handler that writes; its context is the report. */
struct message_handler messages_report_handler(struct messages_report *report);

/* To be called with each frame before the reader gets it: `t` counts from the first. */
void messages_report_frame(struct messages_report *report, const struct frame *frame);

void messages_report_free(struct messages_report *report);

#endif
