/* DNS messages: whatever the bytes, reading ends, stays inside them, and each record has a text. */
#include <stdlib.h>

#include "dns/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct dns_message message;
    struct slice bytes = slice_of(data, size);
    char text[DNS_NAME_TEXT_LEN];

    dns_recognise(bytes, true);
    bool certain = dns_recognise(bytes, false);
    if (!dns_parse(bytes, false, &message)) {
        if (certain)
            abort();
        return 0;
    }
    if (certain && message.question_count == 0)
        abort();
    for (size_t i = 0; i < message.question_count; i++)
        dns_name_text(bytes, message.questions[i].name_at, text, NULL);
    for (size_t i = 0; i < message.record_count; i++) {
        const struct dns_record *record = &message.records[i];
        if (record->data_at + record->data.len > size)
            abort();
        dns_name_text(bytes, record->name_at, text, NULL);
        char *data_text = dns_record_text(&message, record);
        if (!data_text || !data_text[0])
            abort();
        free(data_text);
    }
    return 0;
}
