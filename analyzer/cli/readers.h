/* What `check` and `show` do alike. */
#ifndef CLI_READERS_H
#define CLI_READERS_H

#include "cli/options.h"
#include "cli/outputs.h"
#include "report/report.h"

/* The addresses of --as-phone, malloced; false: said that one is none. */
bool read_as_phone(enum command command, const struct options *options, struct ip_addr **addresses);

/* Say that a capture has no phone, or none that --phone asks for. */
void say_no_phone(const char *name, const struct options *options, const struct story *story);

/* End all reports; false: said that one could not be written. */
bool reports_end(const struct report_list *reports, const struct outputs *outputs,
                 enum verdict verdict, const struct summary *summary);

#endif
