/* The text writer: lines within the width, hostile bytes kept from the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report/text_writer.h"

struct paper {
    char *bytes;
    size_t len;
    struct sink sink;
};

static struct text_writer begin(struct paper *paper, bool color) {
    paper->sink = (struct sink){.file = open_memstream(&paper->bytes, &paper->len), .name = "test"};
    return text_writer_of(&paper->sink, color);
}

static const char *read_paper(struct paper *paper) {
    fclose(paper->sink.file);
    return paper->bytes;
}

static void words_flow_within_the_width(void **state) {
    struct paper paper;
    struct text_writer text = begin(&paper, false);

    (void)state;
    text_margin(&text, 4);
    text_column(&text, 2);
    for (int i = 0; i < 60; i++)
        text_words(&text, "word word");
    text_line(&text);
    for (char *line = strtok((char *)(uintptr_t)read_paper(&paper), "\n"); line;
         line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= TEXT_WIDTH);
        assert_true(strncmp(line, line == paper.bytes ? "  word" : "    word", 6) == 0);
    }
    free(paper.bytes);
}

static void a_long_word_is_not_broken(void **state) {
    struct paper paper;
    struct text_writer text = begin(&paper, false);
    char word[301];

    (void)state;
    memset(word, 'x', 300);
    word[300] = '\0';
    text_words(&text, "filter");
    text_piece(&text, word);
    text_line(&text);
    read_paper(&paper);
    assert_int_equal(paper.len, 6 + 1 + 300 + 1);
    assert_memory_equal(paper.bytes, "filter\nx", 8);
    free(paper.bytes);
}

static void hostile_bytes_are_replaced(void **state) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"\033[31mred", "\xef\xbf\xbd[31mred"},
        {"bell\a", "bell\xef\xbf\xbd"},
        {"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
        {"\xff", "\xef\xbf\xbd"},
        {"cut\xc3", "cut\xef\xbf\xbd"},
        {"\xc2\x9b"
         "2J",
         "\xef\xbf\xbd\xef\xbf\xbd"
         "2J"},                                                   /* C1: CSI */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xf0\x9f\x93\x9e", "\xf0\x9f\x93\x9e"},
        {"del\x7f", "del\xef\xbf\xbd"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct paper paper;
        struct text_writer text = begin(&paper, false);
        size_t len = strlen(cases[i].in);
        char *exact = malloc(len + 1);

        memcpy(exact, cases[i].in, len + 1);
        text_words(&text, exact);
        assert_string_equal(read_paper(&paper), cases[i].out);
        free(exact);
        free(paper.bytes);
    }
}

static void colour_only_where_asked(void **state) {
    struct paper paper;
    struct text_writer text = begin(&paper, false);

    (void)state;
    text_style(&text, STYLE_FAIL);
    text_words(&text, "FAIL");
    text_style(&text, STYLE_PLAIN);
    assert_string_equal(read_paper(&paper), "FAIL");
    free(paper.bytes);

    text = begin(&paper, true);
    text_style(&text, STYLE_FAIL);
    text_words(&text, "FAIL");
    text_style(&text, STYLE_PLAIN);
    text_words(&text, "x");
    assert_string_equal(read_paper(&paper), "\033[0m\033[1;31mFAIL \033[0mx");
    free(paper.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_flow_within_the_width),
        cmocka_unit_test(a_long_word_is_not_broken),
        cmocka_unit_test(hostile_bytes_are_replaced),
        cmocka_unit_test(colour_only_where_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
