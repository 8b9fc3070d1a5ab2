/* Tables of settings: what each means, and how its value becomes one of an expectation. */
#ifndef RULES_EXPECTATIONS_PHONE_CONFIG_ROWS_H
#define RULES_EXPECTATIONS_PHONE_CONFIG_ROWS_H

#include "rules/expectations/phone_config/overlay.h"
#include "rules/expectations/phone_config/readers.h"

enum row_kind {
    ROW_NUMBER, /* the number times `unit` */
    ROW_CHOICE, /* one of `choices` */
    ROW_TRIES,  /* n stands for n tries or n more than the first: [max(1, n), n + 1] */
};

/* A value that a setting may have: its spellings with '|' between them (case and blanks do not
 * matter), and the JSON of the expectation; json NULL: says nothing of it. */
struct choice {
    const char *spelled, *json;
};

struct row {
    const char *name; /* of the setting */
    enum row_kind kind;
    long low, high;               /* of the number in the file */
    long unit;                    /* seconds in one of it; 1: it is in the expectation's unit */
    long least;                   /* 1 to least - 1 act as this */
    const struct choice *choices; /* spelled NULL ends */
    const char *preset;           /* the default of the vendor's guide, as the file would have it */
    const char *key;              /* of the expectation */
    const char *meaning;
};

/* The JSON that a setting's value stands for; NULL: it says nothing of the row's key, or is wrong
 * (*place then says so). text: the value, or the guide's default. */
cJSON *row_value(const struct row *row, const struct setting *setting, struct arena *arena,
                 struct config_place *place);
/* The same of the guide's default. */
cJSON *row_preset(const struct row *row);

/* Put what the setting says, if it is there. */
void row_put(const struct row *row, const struct setting *setting, struct overlay *overlay,
             struct config_place *place);

/* A number from low to high. false: *place. */
bool row_number(const struct setting *setting, long low, long high, long *number,
                struct arena *arena, struct config_place *place);

#endif
