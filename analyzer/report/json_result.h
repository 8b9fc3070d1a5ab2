/* What the rules say of an account, as members of the verdict document. */
#ifndef REPORT_JSON_RESULT_H
#define REPORT_JSON_RESULT_H

#include "report/json_writer.h"
#include "rules/rule.h"

/* verdict, expectations, results. */
void json_judgement(struct json_writer *json, const struct judgement *judgement);

#endif
