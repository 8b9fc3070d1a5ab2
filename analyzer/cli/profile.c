/* sipvet profile: the built-in profiles, or one resolved, as the JSON that a user may go on from.
 */
#include <stdlib.h>

#include "base/sink.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "rules/expectations/phone_config/phone_config.h"

/* The name padded to the longest, the title behind it. */
static void list_profiles(struct sink *out) {
    const char *const *names = expectations_profile_names();
    size_t widest = 0;

    for (size_t i = 0; names[i]; i++)
        if (strlen(names[i]) > widest)
            widest = strlen(names[i]);
    for (size_t i = 0; names[i]; i++)
        sink_printf(out, "%-*s  %s\n", (int)widest, names[i], expectations_profile_title(names[i]));
}

/* JSON; of a phone's configuration what it means, for an engineer. NULL: *error. */
static char *profile_text(const char *profile, const struct text_list *set,
                          struct expectations_error *error) {
    struct expectations *expectations;
    char *json;

    if (profile && !expectations_profile_title(profile) && phone_config_recognised(profile))
        return phone_config_text(profile, set->items, set->n, error);
    expectations = expectations_read(profile, set->items, set->n, error);
    json = expectations ? expectations_json(expectations) : NULL;
    expectations_free(expectations);
    return json;
}

static bool print_profile(struct sink *out, const char *profile, const struct text_list *set) {
    struct expectations_error error;
    char *text = profile_text(profile, set, &error);

    if (!text) {
        cli_say("%s", error.text);
        return false;
    }
    sink_text(out, text);
    free(text);
    return true;
}

int cli_profile(int argc, char **argv) {
    struct options options;
    struct sink out;
    int status = STATUS_OK;
    enum options_status parsed = options_parse(COMMAND_PROFILE, argc, argv, &options, &status);

    if (parsed != OPTIONS_OK) {
        options_fini(&options);
        return status;
    }
    if (options.operands.n > 1) {
        status = cli_misuse("profile", "more than one profile: '%s' and '%s'",
                            options.operands.items[0], options.operands.items[1]);
        options_fini(&options);
        return status;
    }
    const char *profile = options.operands.n ? options.operands.items[0] : NULL;

    status = STATUS_OK;
    sink_open(&out, NULL);
    /* --set without a profile is laid over the default one. */
    if (!profile && !options.set.n)
        list_profiles(&out);
    else if (!print_profile(&out, profile, &options.set))
        status = STATUS_USAGE;
    if (!sink_close(&out) && status == STATUS_OK) {
        cli_say("standard output could not be written");
        status = STATUS_USAGE;
    }
    options_fini(&options);
    return status;
}
