/* A file without a name that goes away by itself. */
#ifndef BASE_TEMPORARY_H
#define BASE_TEMPORARY_H

#include <stdio.h>

/* In TMPDIR or /tmp, for writing and reading. NULL: errno says why. */
FILE *temporary_file(void);

#endif
