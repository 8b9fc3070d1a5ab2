/* Made with a name nobody can guess, which is taken away at once. */
#include "base/temporary.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"

FILE *temporary_file(void) {
    const char *folder = getenv("TMPDIR");
    struct arena arena = {0};
    char *path = arena_printf(&arena, "%s/sipvet-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkostemp(path, O_CLOEXEC);
    FILE *file = NULL;

    if (fd >= 0) {
        unlink(path);
        file = fdopen(fd, "w+b");
        if (!file)
            close(fd);
    }
    arena_fini(&arena);
    return file;
}
