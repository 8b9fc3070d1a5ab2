/* Configuration in XML: settings that are read lie in the file's lines, in order. */
#include <stdlib.h>

#include "rules/expectations/phone_config/phone_config.h"
#include "rules/expectations/phone_config/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice bytes = slice_of(data, size);
    struct settings settings = {0};
    struct text_buffer why = {0};
    struct config_place place = {.path = "x", .text = &why};
    struct expectations_error error;

    if (config_read_xml(bytes, &settings, &place) != (place.line == 0))
        abort();
    for (size_t i = 0; i < settings.list.n; i++)
        if (!settings.list.items[i].line || settings.list.items[i].line > size + 1)
            abort();
    settings_fini(&settings);
    free(why.items);
    if (config_recognise(bytes) == CONFIG_GRANDSTREAM_XML)
        expectations_free(phone_config_parse("x", bytes, NULL, NULL, 0, &error));
    return 0;
}
