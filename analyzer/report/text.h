/* The text reports, made to be read at a terminal of 100 columns.
 *
 * sink     closed by the report
 * color    colour by meaning
 * verbose  every occurrence, nothing folded
 */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include "report/report.h"

/* `check`: verdicts, failures with their evidence, what is undecided and why. */
void text_verdict_report(struct report *report, const struct sink *sink, bool color, bool verbose);
/* `show`: a timeline of what each account did. */
void text_story_report(struct report *report, const struct sink *sink, bool color, bool verbose);

#endif
