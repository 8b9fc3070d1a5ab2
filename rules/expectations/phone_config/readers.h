/* The forms in which phones' configuration files are written, and how one tells them apart. */
#ifndef RULES_EXPECTATIONS_PHONE_CONFIG_READERS_H
#define RULES_EXPECTATIONS_PHONE_CONFIG_READERS_H

#include "rules/expectations/json_print.h"
#include "rules/expectations/phone_config/settings.h"

enum config_form {
    CONFIG_NONE,             /* no configuration that is known here */
    CONFIG_YEALINK,          /* account.1.sip_server.1.address = pbx.example.com */
    CONFIG_GRANDSTREAM_TEXT, /* P47=pbx.example.com */
    CONFIG_GRANDSTREAM_XML,  /* <P47>pbx.example.com</P47>, or <item name="account.1. …"> */
};

/* By content, whatever the file is called. */
enum config_form config_recognise(struct slice bytes);

/* Where something is wrong in the file. */
struct config_place {
    const char *path;
    size_t line; /* of the error that stands in *text; 0: none yet */
    struct text_buffer *text;
};

/* "PATH:LINE: " and what is wrong, unless an error of an earlier line is known. Returns false. */
bool config_wrong(struct config_place *place, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A value of the file for a message, in quotes: short, and nothing in it that a terminal obeys. */
const char *config_quoted(const char *value, struct arena *arena);

/* `name = value` lines. false: *place says where it is no such file. */
bool config_read_lines(struct slice bytes, enum config_form form, struct settings *settings,
                       struct config_place *place);
/* XML, both ways of naming a setting. */
bool config_read_xml(struct slice bytes, struct settings *settings, struct config_place *place);

/* "P47": a P and digits. */
bool config_is_p_value(struct slice name);

#endif
