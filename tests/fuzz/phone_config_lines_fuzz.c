/* Configuration in lines, of both vendors: what is read is in order and found again, and what is
 * understood can be printed. */
#include <stdlib.h>

#include "rules/expectations/phone_config/phone_config.h"
#include "rules/expectations/phone_config/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_settings(struct slice bytes, enum config_form form) {
    struct settings settings = {0};
    struct text_buffer why = {0};
    struct config_place place = {.path = "x", .text = &why};

    if (config_read_lines(bytes, form, &settings, &place) != (place.line == 0))
        abort();
    settings_settle(&settings);
    for (size_t i = 0; i < settings.list.n; i++) {
        const struct setting *setting = &settings.list.items[i];
        if (settings_find(&settings, setting->name) != (*setting->value ? setting : NULL))
            abort();
    }
    settings_fini(&settings);
    free(why.items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice bytes = slice_of(data, size);
    struct expectations_error error;
    struct expectations *all;

    check_settings(bytes, CONFIG_YEALINK);
    check_settings(bytes, CONFIG_GRANDSTREAM_TEXT);
    if (config_recognise(bytes) == CONFIG_GRANDSTREAM_XML)
        return 0;
    all = phone_config_parse("x", bytes, NULL, NULL, 0, &error);
    for (size_t i = 0; all && i < all->account_count; i++)
        free(expectations_json(all->accounts[i].expect));
    expectations_free(all);
    return 0;
}
