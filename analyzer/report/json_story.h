/* What phones did, as members of the JSON document (contract section 3): the part that the verdict
 * document and the story document share.
 */
#ifndef REPORT_JSON_STORY_H
#define REPORT_JSON_STORY_H

#include "phone/story.h"
#include "report/json_writer.h"

/* packets, first, duration_s, offsets_s, link_types, dropped_packets, warnings. */
void json_capture_facts(struct json_writer *json, const struct story *story);
/* addresses, mac, user_agents. */
void json_phone_facts(struct json_writer *json, const struct story *story,
                      const struct phone *phone);
/* resolutions, requests, events. */
void json_account_facts(struct json_writer *json, const struct story *story,
                        const struct account *account);

#endif
