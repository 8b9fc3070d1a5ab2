/* `sipvet rules`: the rules in words. */
#ifndef REPORT_RULE_TEXT_H
#define REPORT_RULE_TEXT_H

#include "base/sink.h"
#include "rules/rule.h"

/* The catalogue, a line each. */
void rule_text_list(struct sink *sink, bool color);
/* All that an engineer needs to know of each rule that the pattern names. */
void rule_text_explain(struct sink *sink, bool color, const char *pattern);

#endif
