/* What both text reports say alike: the head of a capture, a phone, an account. */
#ifndef REPORT_TEXT_COMMON_H
#define REPORT_TEXT_COMMON_H

#include "phone/story.h"
#include "report/text_writer.h"

/* "trace.pcapng: 1015 packets in 55.39 s, from 2026-01-01 00:00:00 UTC", and its warnings. */
void text_capture_head(struct text_writer *text, const struct story *story);
/* "192.168.10.10  00:0b:82:00:00:01  Grandstream GRP2614 1.0.5.15" without a line end. */
void text_phone(struct text_writer *text, const struct phone *phone);
/* "51.844": seconds since the first packet, with as many decimals as a reader needs (three). */
const char *text_offset(const struct story *story, int64_t t_ns, char room[32]);
const char *text_duration(int64_t ns, char room[32]); /* "0.499 s" */
/* "1 packet", "2 packets" */
void text_count(struct text_writer *text, uint64_t n, const char *thing);
/* Why a capture has no phone to tell of. */
void text_no_phone(struct text_writer *text, const struct story *story);
/* What a phone without accounts is told as. */
void text_no_account(struct text_writer *text);

#endif
