/* Text for a terminal: words that flow within the width, columns, colour by meaning.
 *
 * Strings of the capture are hostile: a control character, an escape sequence or an ill-formed byte
 * that would reach a terminal is written as U+FFFD. Widths count code points.
 */
#ifndef REPORT_TEXT_WRITER_H
#define REPORT_TEXT_WRITER_H

#include "base/sink.h"

enum { TEXT_WIDTH = 100 };

enum text_style {
    STYLE_PLAIN,
    STYLE_PASS,
    STYLE_FAIL,
    STYLE_OPEN,  /* undecided; something to look at */
    STYLE_HEAD,  /* names of what follows */
    STYLE_QUIET, /* detail */
    STYLE_COUNT,
};

struct text_writer {
    struct sink *sink; /* borrowed */
    bool color;
    unsigned margin; /* where a broken line goes on */
    unsigned column; /* of what comes next, from 0 */
    bool blank;      /* a blank is owed before the next word */
    bool gap;        /* the line before is empty */
};

struct text_writer text_writer_of(struct sink *sink, bool color);

/* Where broken lines go on, from now on. */
void text_margin(struct text_writer *text, unsigned margin);
/* Blanks up to a column; one blank at least, unless the line is empty. */
void text_column(struct text_writer *text, unsigned column);
/* Words, broken at blanks where they pass the width. */
void text_words(struct text_writer *text, const char *words);
void text_printf(struct text_writer *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One unbreakable piece, blanks and all (a filter to copy); goes to a line of its own if need be.
 */
void text_piece(struct text_writer *text, const char *piece);
void text_style(struct text_writer *text, enum text_style style);
void text_line(struct text_writer *text); /* end the line */
void text_gap(struct text_writer *text);  /* an empty line, unless there is one already */

#endif
