/* The JSON documents of contract section 3: sipvet-verdict/1 for `check`, sipvet-story/1 for
 * `show`. */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include "report/report.h"

/* The verdict document into `sink`, which the report closes. false: the temporary file (see json.c)
 * cannot be made; errno says why, and `sink` is as it was. */
bool json_verdict_report(struct report *report, const struct sink *sink, const char *version,
                         const struct expectations *expect);
/* The story document, likewise; it needs no temporary file. */
void json_story_report(struct report *report, const struct sink *sink, const char *version);

#endif
