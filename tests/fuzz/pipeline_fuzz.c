/* A whole capture, from the file to the verdict document: what `check --json`, `check --text -v`,
 * `show` and `show --messages` do. The documents are JSON, and no rule is missing or counted twice.
 *
 * The mutator knows the packets of a pcap file: it changes bytes within one, repeats, drops, moves
 * and delays packets, and leaves UDP without a checksum, so that what it changes is read.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/capture.h"
#include "phone/story.h"
#include "report/json.h"
#include "report/messages.h"
#include "report/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the pipeline ---- */

struct output {
    char *text;
    size_t len;
    struct sink sink;
};

static void open_output(struct output *output) {
    *output = (struct output){.sink.name = "memory"};
    output->sink.file = open_memstream(&output->text, &output->len);
    if (!output->sink.file)
        abort();
}

static struct capture *open_bytes(const uint8_t *data, size_t size, struct capture_error *error) {
    char path[64];
    int fd = memfd_create("capture", 0);

    if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct capture *capture = capture_open(path, error);
    close(fd);
    return capture;
}

static struct story *tell(const uint8_t *data, size_t size, bool by_phone) {
    const struct story_options options = {.by_phone = by_phone};
    const char *files[] = {"fuzz"};
    struct capture_error error = {0};
    struct capture *capture = open_bytes(data, size, &error);
    struct story_builder *builder = story_begin(&options);
    uint64_t dropped = 0;
    struct frame frame;

    while (capture && capture_next(capture, &frame, &error) == CAPTURE_OK)
        story_feed(builder, &frame);
    if (capture)
        dropped = capture_dropped(capture);
    if (error.status != CAPTURE_OK && error.status != CAPTURE_END)
        story_damaged(builder, error.text);
    capture_close(capture);
    return story_end(builder, files, 1, dropped);
}

static void must_be_json(struct output *output) {
    cJSON *document = cJSON_ParseWithLength(output->text, output->len);

    if (!document)
        abort();
    cJSON_Delete(document);
}

/* What is judged does not depend on what is printed. */
static void judge_and_print(const struct expectations *expect, const uint8_t *data, size_t size) {
    const struct judge_options options = {.details = true};
    const struct phone_selection all = {0};
    struct story *story = tell(data, size, false), *bare = tell(data, size, true);
    struct report_list reports = {0}, none = {0};
    struct output json, text;

    open_output(&json);
    open_output(&text);
    if (!json_verdict_report(&reports.items[reports.n++], &json.sink, "0", expect))
        abort();
    text_verdict_report(&reports.items[reports.n++], &text.sink, true, true);
    struct told told = report_judged(story, expect, &options, &all, &reports, NULL, NULL);
    struct told again = report_judged(bare, expect, &options, &all, &none, NULL, NULL);
    for (size_t i = 0; i < reports.n; i++)
        if (!reports.items[i].end(reports.items[i].context, told.verdict, &told.summary))
            abort();
    if (told.verdict != again.verdict ||
        memcmp(&told.summary, &again.summary, sizeof told.summary) != 0)
        abort();
    must_be_json(&json);
    free(json.text);
    free(text.text);
    story_free(story);
    story_free(bare);
}

static void judge(const struct expectations *expect, const uint8_t *data, size_t size) {
    const struct phone_selection all = {0};
    struct report_list none = {0};
    struct story *story = tell(data, size, true);

    report_judged(story, expect, &(struct judge_options){0}, &all, &none, NULL, NULL);
    story_free(story);
}

static void list_messages(const uint8_t *data, size_t size) {
    struct capture_error error = {0};
    struct capture *capture = open_bytes(data, size, &error);
    struct output lines;
    struct frame frame;

    if (!capture)
        return;
    open_output(&lines);
    struct messages_report *report = messages_report_new(&lines.sink, NULL);
    const struct message_handler handler = messages_report_handler(report);
    struct message_reader *reader = message_reader_new(&handler);
    while (capture_next(capture, &frame, &error) == CAPTURE_OK) {
        messages_report_frame(report, &frame);
        message_reader_feed(reader, &frame);
    }
    message_reader_end(reader);
    message_reader_free(reader);
    messages_report_free(report);
    capture_close(capture);
    if (!sink_close(&lines.sink))
        abort();
    for (char *line = lines.text, *end; line < lines.text + lines.len; line = end + 1) {
        end = memchr(line, '\n', (size_t)(lines.text + lines.len - line));
        if (!end)
            abort();
        struct output one = {.text = line, .len = (size_t)(end - line)};
        must_be_json(&one);
    }
    free(lines.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct expectations *profiles[8];
    static size_t count;
    const char *const *names = expectations_profile_names();
    unsigned sum = 0;

    if (!count)
        for (; names[count] && count < sizeof profiles / sizeof *profiles; count++) {
            struct expectations_error error;
            profiles[count] = expectations_read(names[count], NULL, 0, &error);
            if (!profiles[count])
                abort();
        }
    /* Printing takes longer than judging: it has its turn with every eighth input, whatever input
     * that is. */
    for (size_t i = 0; i < size; i++)
        sum += data[i];
    const struct expectations *expect = profiles[size % count];
    if (sum % 8 == 0)
        judge_and_print(expect, data, size);
    else if (sum % 8 == 1)
        list_messages(data, size);
    else
        judge(expect, data, size);
    return 0;
}

/* ---- the mutator ---- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

enum { FILE_HEADER = 24, PACKET_HEADER = 16, PACKETS_MAX = 512, ETHERNET = 14, IPV4 = 20 };

static uint32_t read_u32le(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void write_u32le(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

/* Ethernet, IPv4 without options, UDP: no checksum. */
static void drop_checksum(uint8_t *packet, size_t len) {
    if (len >= ETHERNET + IPV4 + 8 && packet[12] == 8 && packet[13] == 0 && packet[14] == 0x45 &&
        packet[23] == 17)
        packet[40] = packet[41] = 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    static const uint8_t magic[] = {0xd4, 0xc3, 0xb2, 0xa1};
    size_t at[PACKETS_MAX + 1], n = 0, end = FILE_HEADER;

    if (size < FILE_HEADER || memcmp(data, magic, sizeof magic) != 0 || seed % 8 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    while (n < PACKETS_MAX && size - end >= PACKET_HEADER) {
        uint32_t len = read_u32le(data + end + 8);
        if (len > size - end - PACKET_HEADER)
            break;
        at[n++] = end;
        end += PACKET_HEADER + len;
    }
    at[n] = end;
    if (!n)
        return LLVMFuzzerMutate(data, size, max_size);
    size_t pick = (seed >> 3) % n, other = (seed >> 13) % n, len = at[pick + 1] - at[pick];
    uint8_t *packet = data + at[pick];
    switch (seed >> 23 & 7) {
    case 0: /* drop it */
        memmove(packet, packet + len, size - at[pick + 1]);
        return size - len;
    case 1: /* once more, elsewhere, at the time of what is there */
        if (size + len <= max_size) {
            uint8_t *copy = malloc(len), *to = data + at[other];
            if (!copy)
                abort();
            memcpy(copy, packet, len);
            memcpy(copy, to, 8);
            memmove(to + len, to, size - at[other]);
            memcpy(to, copy, len);
            free(copy);
            return size + len;
        }
        return size;
    case 2: /* all that follows comes later */
        for (size_t i = pick; i < n; i++)
            write_u32le(data + at[i], read_u32le(data + at[i]) + (seed >> 26 & 63));
        return size;
    case 3: /* shorter than on the wire */
        if (len > PACKET_HEADER + 1) {
            size_t cut = 1 + (seed >> 5) % (len - PACKET_HEADER);
            write_u32le(packet + 8, (uint32_t)(len - PACKET_HEADER - cut));
            memmove(packet + len - cut, packet + len, size - at[pick + 1]);
            return size - cut;
        }
        return size;
    default: { /* other bytes in it, as many */
        uint8_t *body = packet + PACKET_HEADER;
        size_t body_len = len - PACKET_HEADER;
        uint8_t *changed = malloc(body_len + 1);
        if (!changed)
            abort();
        memcpy(changed, body, body_len);
        size_t skip = body_len > ETHERNET + IPV4 + 8 && seed >> 29 ? ETHERNET + IPV4 + 8 : 0;
        LLVMFuzzerMutate(changed + skip, body_len - skip, body_len - skip);
        memcpy(body, changed, body_len);
        free(changed);
        drop_checksum(body, body_len);
        return size;
    }
    }
}
