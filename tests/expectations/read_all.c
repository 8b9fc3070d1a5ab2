/* read_all FILE...: read each as `sipvet profile` would. For each, what is said against it, nothing
 * if it is taken, and a NUL. */
#include <stdio.h>
#include <stdlib.h>

#include "rules/expectations/expectations.h"

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        struct expectations_error error;
        struct expectations *expectations = expectations_read(argv[i], NULL, 0, &error);

        if (expectations)
            free(expectations_json(expectations));
        else
            fputs(error.text, stdout);
        putchar('\0');
        expectations_free(expectations);
    }
    return 0;
}
