/* Configuration in XML, read by expat. Two ways of naming a setting:
 *
 *     <gs_provision version="1">
 *       <config version="1">
 *         <P47>pbx.example.com</P47>
 *       </config>
 *       <config version="2">
 *         <item name="account.1.sip.server.1.address">pbx.example.com</item>
 *         <item name="account.1.sip.server.1">
 *           <part name="address">pbx.example.com</part>
 *         </item>
 *
 * A document type declaration is refused: no such file needs one, and entities that grow come in
 * it. Depth and length are bounded; expat bounds the rest.
 */
#include <expat.h>
#include <stdlib.h>

#include "rules/expectations/phone_config/readers.h"

enum { DEPTH_MAX = 16, NAME_MAX_LEN = 200, VALUE_MAX_LEN = 1024 };

/* An element that is open. */
struct element {
    const char *name; /* the setting that its text is the value of; NULL: none */
    const char *path; /* what the names of its parts hang below; NULL: nothing */
    size_t line;
};

struct reader {
    XML_Parser parser;
    struct settings *settings;
    struct config_place *place;
    struct element open[DEPTH_MAX];
    size_t depth;
    char value[VALUE_MAX_LEN]; /* of the innermost element that is a setting */
    size_t value_len;
    bool stopped;
};

static size_t line_of(struct reader *reader) {
    return (size_t)XML_GetCurrentLineNumber(reader->parser);
}

static void stop(struct reader *reader, const char *why) {
    if (!reader->stopped)
        config_wrong(reader->place, line_of(reader), "%s", why);
    reader->stopped = true;
    XML_StopParser(reader->parser, XML_FALSE);
}

static const char *attribute(const char **attributes, const char *name) {
    for (; attributes[0]; attributes += 2)
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    return NULL;
}

/* What an element stands for, seen from the one around it. */
static struct element element_of(struct reader *reader, const char *tag, const char **attributes) {
    const struct element *around = reader->depth ? &reader->open[reader->depth - 1] : NULL;
    const char *own = attribute(attributes, "name");
    struct arena *arena = &reader->settings->arena;
    struct element element = {.line = line_of(reader)};

    if (config_is_p_value(slice_of_text(tag))) {
        element.name = arena_text(arena, slice_of_text(tag));
    } else if (own && strlen(own) <= NAME_MAX_LEN && strcmp(tag, "item") == 0) {
        element.name = element.path = arena_text(arena, slice_of_text(own));
    } else if (own && strlen(own) <= NAME_MAX_LEN && strcmp(tag, "part") == 0 && around &&
               around->path) {
        element.name = arena_printf(arena, "%s.%s", around->path, own);
    }
    return element;
}

static void on_start(void *context, const char *tag, const char **attributes) {
    struct reader *reader = context;

    if (reader->depth == DEPTH_MAX) {
        stop(reader, "nested deeper than 16 elements");
        return;
    }
    struct element element = element_of(reader, tag, attributes);
    reader->open[reader->depth++] = element;
    reader->value_len = 0;
}

static void on_text(void *context, const char *text, int len) {
    struct reader *reader = context;
    size_t room = sizeof reader->value - reader->value_len;
    size_t taken = (size_t)len < room ? (size_t)len : room;

    /* What does not fit is no value of a setting that means something here: it will not pass. */
    if (reader->depth && reader->open[reader->depth - 1].name) {
        memcpy(reader->value + reader->value_len, text, taken);
        reader->value_len += taken;
    }
}

static void on_end(void *context, const char *tag) {
    struct reader *reader = context;
    const struct element *element = &reader->open[--reader->depth];
    struct slice value = slice_trim(slice_of(reader->value, reader->value_len));

    (void)tag;
    if (element->name) {
        struct slice name = slice_of_text(element->name);
        settings_add(reader->settings, name, name, value, element->line);
    }
    reader->value_len = 0;
}

static void on_doctype(void *context, const char *name, const char *system, const char *public,
                       int internal) {
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    stop(context, "a document type declaration, which no phone's configuration needs");
}

bool config_read_xml(struct slice bytes, struct settings *settings, struct config_place *place) {
    struct reader *reader = memory_new_zeroed(1, sizeof *reader);
    bool ok;

    reader->settings = settings;
    reader->place = place;
    reader->parser = XML_ParserCreate(NULL);
    if (!reader->parser)
        abort();
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    ok = XML_Parse(reader->parser, (const char *)bytes.ptr, (int)bytes.len, XML_TRUE) ==
         XML_STATUS_OK;
    if (!ok && !reader->stopped)
        config_wrong(place, line_of(reader), "no well-formed XML: %s",
                     XML_ErrorString(XML_GetErrorCode(reader->parser)));
    XML_ParserFree(reader->parser);
    free(reader);
    return ok;
}
