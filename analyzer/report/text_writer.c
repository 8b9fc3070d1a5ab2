/* Words, columns and colours. */
#include "report/text_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

static const char blanks[] = "                                                                "
                             "                                                                ";

/* ECMA-48 SGR: bold, dim and the three colours that mean something. */
static const char *const style_codes[STYLE_COUNT] = {
    [STYLE_PLAIN] = "\033[0m", [STYLE_PASS] = "\033[32m", [STYLE_FAIL] = "\033[1;31m",
    [STYLE_OPEN] = "\033[33m", [STYLE_HEAD] = "\033[1m",  [STYLE_QUIET] = "\033[2m",
};

struct text_writer text_writer_of(struct sink *sink, bool color) {
    return (struct text_writer){.sink = sink, .color = color};
}

static void pad(struct text_writer *text, unsigned n) {
    if (n > sizeof blanks - 1)
        n = sizeof blanks - 1;
    sink_write(text->sink, blanks, n);
    text->column += n;
}

void text_margin(struct text_writer *text, unsigned margin) {
    text->margin = margin;
}

void text_line(struct text_writer *text) {
    sink_text(text->sink, "\n");
    text->gap = text->column == 0;
    text->column = 0;
    text->blank = false;
}

void text_gap(struct text_writer *text) {
    if (!text->gap)
        text_line(text);
}

void text_column(struct text_writer *text, unsigned column) {
    text->blank = false;
    if (text->column < column)
        pad(text, column - text->column);
    else if (text->column > 0)
        pad(text, 1);
}

void text_style(struct text_writer *text, enum text_style style) {
    if (!text->color)
        return;
    if (text->blank) { /* so that a blank is never coloured */
        pad(text, 1);
        text->blank = false;
    }
    sink_text(text->sink, style_codes[STYLE_PLAIN]);
    if (style != STYLE_PLAIN)
        sink_text(text->sink, style_codes[style]);
}

/* Length of the well-formed, printable UTF-8 sequence at the front, 0 where there is none. Ranges
 * are Unicode's table 3-7; C1 controls (U+0080 to U+009F) are not printable. */
static size_t sequence(const uint8_t *s, size_t len) {
    uint8_t low = 0x80, high = 0xbf;
    size_t n;

    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f ? 1 : 0;
    n = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
        : s[0] >= 0xe0 && s[0] <= 0xef ? 3
        : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                       : 0;
    if (n == 0 || n > len)
        return 0;
    if (s[0] == 0xc2 || s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xf0)
        low = 0x90;
    if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return n;
}

static unsigned width(const char *word, size_t len) {
    unsigned columns = 0;

    for (size_t i = 0; i < len; columns++) {
        size_t n = sequence((const uint8_t *)word + i, len - i);
        i += n ? n : 1;
    }
    return columns;
}

static void put(struct text_writer *text, const char *word, size_t len) {
    for (size_t i = 0; i < len; text->column++) {
        size_t n = sequence((const uint8_t *)word + i, len - i);
        if (n)
            sink_write(text->sink, word + i, n);
        else
            sink_text(text->sink, "\xef\xbf\xbd");
        i += n ? n : 1;
    }
}

static void put_word(struct text_writer *text, const char *word, size_t len) {
    unsigned columns = width(word, len) + (text->blank ? 1 : 0);

    if (text->column + columns > TEXT_WIDTH && text->column > text->margin) {
        text_line(text);
        pad(text, text->margin);
    } else if (text->blank) {
        pad(text, 1);
    }
    put(text, word, len);
    text->blank = true;
}

void text_words(struct text_writer *text, const char *words) {
    while (*words) {
        size_t len = strcspn(words, " \n");
        if (len)
            put_word(text, words, len);
        words += len + (words[len] != '\0');
    }
}

void text_printf(struct text_writer *text, const char *format, ...) {
    char room[512];
    char *words = room;
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(room, sizeof room, format, args);
    va_end(args);
    if (len >= (int)sizeof room) {
        words = memory_new((size_t)len + 1);
        vsnprintf(words, (size_t)len + 1, format, again);
    }
    va_end(again);
    if (len > 0)
        text_words(text, words);
    if (words != room)
        free(words);
}

void text_piece(struct text_writer *text, const char *piece) {
    put_word(text, piece, strlen(piece));
}
