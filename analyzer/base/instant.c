/* Times as text, by integer arithmetic so that they are exact and the same everywhere. */
#include "base/instant.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t microseconds(int64_t ns) {
    return ns / 1000 + (ns % 1000 >= 500 ? 1 : ns % 1000 <= -500 ? -1 : 0);
}

char *instant_text(int64_t t_ns, char text[INSTANT_TEXT_LEN]) {
    int64_t us = microseconds(t_ns);
    int64_t fraction = us % 1000000;
    time_t whole = (time_t)(us / 1000000);
    struct tm tm;

    if (fraction < 0) {
        fraction += 1000000;
        whole--;
    }
    if (!gmtime_r(&whole, &tm))
        memset(&tm, 0, sizeof tm);
    size_t len = strftime(text, INSTANT_TEXT_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, INSTANT_TEXT_LEN - len, ".%06dZ", (int)fraction);
    return text;
}

char *seconds_text(int64_t ns, char text[SECONDS_TEXT_LEN]) {
    int64_t us = microseconds(ns);
    uint64_t size = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    int len = snprintf(text, SECONDS_TEXT_LEN, "%s%llu.%06llu", us < 0 ? "-" : "",
                       (unsigned long long)(size / 1000000), (unsigned long long)(size % 1000000));

    while (len > 0 && text[len - 1] == '0')
        text[--len] = '\0';
    if (len > 0 && text[len - 1] == '.')
        text[--len] = '\0';
    return text;
}
