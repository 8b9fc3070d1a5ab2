/* Writes a capture of made-up traffic: the same bytes for the same arguments, on every machine.
 *
 *   generate KIND FILE [--megabytes N | --duration SECONDS] [--phones N] [--calls N]
 *            [--call-seconds N] [--seed N]
 *
 * The file ends where it has so many megabytes (10^6 bytes), or where the time is over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kinds.h"

static const struct kind *const kinds[] = {&kind_storm, &kind_calls, &kind_tcp, &kind_office};

enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

/* ---- whose turn it is: a binary heap ---- */

struct turn {
    uint64_t t_us;
    uint32_t actor;
};

static bool before(const struct turn *a, const struct turn *b) {
    return a->t_us != b->t_us ? a->t_us < b->t_us : a->actor < b->actor;
}

/* The turn at `at` may be later than those below it: it sinks to its place. */
static void sink(struct turn *turns, size_t n, size_t at) {
    struct turn moved = turns[at];

    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(&turns[child + 1], &turns[child]))
            child++;
        if (!before(&turns[child], &moved))
            break;
        turns[at] = turns[child];
    }
    turns[at] = moved;
}

/* ---- options ---- */

struct wish {
    uint64_t megabytes, duration_s, phones, calls, call_s, seed;
};

static int usage(void) {
    fputs(
        "Usage: generate KIND FILE [--megabytes N | --duration SECONDS] [--phones N] [--calls N]\n"
        "                [--call-seconds N] [--seed N]\n",
        stderr);
    for (size_t i = 0; i < KIND_COUNT; i++)
        fprintf(stderr, "  %-8s %s\n", kinds[i]->name, kinds[i]->help);
    return 2;
}

static bool read_options(int argc, char **argv, struct wish *wish) {
    const struct {
        const char *name;
        uint64_t *value;
    } options[] = {{"--megabytes", &wish->megabytes}, {"--duration", &wish->duration_s},
                   {"--phones", &wish->phones},       {"--calls", &wish->calls},
                   {"--call-seconds", &wish->call_s}, {"--seed", &wish->seed}};

    for (int i = 0; i < argc; i += 2) {
        size_t at = 0;
        char *end = NULL;
        while (at < sizeof options / sizeof *options && strcmp(options[at].name, argv[i]) != 0)
            at++;
        if (at == sizeof options / sizeof *options || i + 1 == argc)
            return false;
        *options[at].value = strtoul(argv[i + 1], &end, 10);
        if (*end || *options[at].value > 1000000)
            return false;
    }
    return true;
}

int main(int argc, char **argv) {
    struct wish wish = {.megabytes = 100, .call_s = 12};
    const struct kind *kind = NULL;
    struct wire wire;

    for (size_t i = 0; argc > 2 && i < KIND_COUNT; i++)
        if (strcmp(argv[1], kinds[i]->name) == 0)
            kind = kinds[i];
    if (!kind || !read_options(argc - 3, argv + 3, &wish))
        return usage();

    struct plan plan = {.phones = (uint32_t)(wish.phones ? wish.phones : kind->phones),
                        .call_s = (uint32_t)wish.call_s,
                        .calls = (uint32_t)wish.calls,
                        .seed = wish.seed};
    uint32_t n = kind->actors(&plan);
    struct turn *turns = calloc(n, sizeof *turns);
    void *state = kind->begin(&plan);
    uint64_t end_us = wish.duration_s ? wish.duration_s * US_PER_S : NEVER;
    uint64_t end_bytes = wish.duration_s || wish.calls ? UINT64_MAX : wish.megabytes * 1000000;
    uint64_t random = wish.seed + 1;

    if (!turns || !state || !wire_open(&wire, argv[2])) {
        fprintf(stderr, "generate: %s: %s\n", argv[2], strerror(errno));
        return 1;
    }
    /* All begin within 20 s. */
    for (uint32_t i = 0; i < n; i++)
        turns[i] = (struct turn){random_below(&random, 20 * US_PER_S), i};
    for (size_t i = n; i-- > 0;)
        sink(turns, n, i);
    while (turns[0].t_us < end_us && turns[0].t_us != NEVER && wire.bytes < end_bytes &&
           !wire.failed) {
        turns[0].t_us = kind->step(state, turns[0].actor, turns[0].t_us, &wire);
        sink(turns, n, 0);
    }
    kind->end(state);
    free(turns);
    if (!wire_close(&wire)) {
        fprintf(stderr, "generate: %s: %s\n", argv[2], strerror(errno));
        return 1;
    }
    return 0;
}
