/* Files and folders of captures, and the reading of one. */
#include "cli/captures.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"

static char *copy_text(const char *text) {
    size_t size = strlen(text) + 1;

    return memcpy(memory_new(size), text, size);
}

static char *join(const char *folder, const char *name) {
    size_t len = strlen(folder), size = len + 1 + strlen(name) + 1;
    char *path = memory_new(size);

    snprintf(path, size, "%s%s%s", folder, len && folder[len - 1] == '/' ? "" : "/", name);
    return path;
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct paths {
    char **items;
    size_t n, cap;
};

/* What is in one folder: captures to `found`, folders to `folders`. Links to folders are not
 * followed, so that a loop of them ends. */
static bool read_folder(const char *folder, struct paths *found, struct paths *folders) {
    DIR *dir = opendir(folder);
    struct dirent *entry;

    if (!dir)
        return false;
    while ((entry = readdir(dir))) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *path = join(folder, entry->d_name);
        if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode))
            *ARRAY_PUSH(folders) = path;
        else if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && capture_recognised(path))
            *ARRAY_PUSH(found) = path;
        else
            free(path);
    }
    closedir(dir);
    return true;
}

static void list_folder(struct captures *captures, const char *top) {
    struct paths found = {0}, folders = {0};

    *ARRAY_PUSH(&folders) = copy_text(top);
    while (folders.n) {
        char *folder = folders.items[--folders.n];
        if (!read_folder(folder, &found, &folders)) {
            cli_say("%s: %s", folder, strerror(errno));
            captures->incomplete = true;
        }
        free(folder);
    }
    if (found.n == 0) {
        cli_say("%s: no capture in this folder", top);
        captures->incomplete = true;
    } else {
        qsort(found.items, found.n, sizeof *found.items, compare_paths);
    }
    for (size_t i = 0; i < found.n; i++)
        *ARRAY_PUSH(&captures->paths) = found.items[i];
    ARRAY_FINI(&folders);
    ARRAY_FINI(&found);
}

void captures_list(struct captures *captures, const struct text_list *operands) {
    *captures = (struct captures){0};
    for (size_t i = 0; i < operands->n; i++) {
        struct stat status;
        const char *operand = operands->items[i];
        if (strcmp(operand, "-") != 0 && stat(operand, &status) == 0 && S_ISDIR(status.st_mode))
            list_folder(captures, operand);
        else
            *ARRAY_PUSH(&captures->paths) = copy_text(operand);
    }
}

void captures_fini(struct captures *captures) {
    for (size_t i = 0; i < captures->paths.n; i++)
        free(captures->paths.items[i]);
    ARRAY_FINI(&captures->paths);
}

const char *capture_label(const char *path) {
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

struct told_capture capture_tell(const char *path, const struct story_options *options) {
    struct capture_error error = {0};
    struct capture *capture = capture_open(path, &error);
    struct story_builder *builder = story_begin(options);
    enum capture_status status = error.status;
    uint64_t dropped = 0;

    if (capture) {
        struct frame frame;
        while ((status = capture_next(capture, &frame, &error)) == CAPTURE_OK)
            story_feed(builder, &frame);
        dropped = capture_dropped(capture);
        capture_close(capture);
    }
    if (!capture || status != CAPTURE_END) {
        cli_say("%s: %s", capture_label(path), error.text);
        story_damaged(builder, error.text);
    }
    return (struct told_capture){.story = story_end(builder, &path, 1, dropped),
                                 .complete = capture && status == CAPTURE_END,
                                 .opened = capture != NULL};
}
