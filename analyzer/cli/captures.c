/* Files and folders of captures, and the reading of one. */
#include "cli/captures.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/keys.h"

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

static bool drop_end(const char *name, size_t *len, const char *end) {
    size_t n = strlen(end);

    if (*len < n || strncasecmp(name + *len - n, end, n) != 0)
        return false;
    *len -= n;
    return true;
}

/* Is it named as a capture is: "x.pcap", "x.PcapNG.gz", of a ring "x.pcap7"? */
static bool is_named_as_capture(const char *path) {
    static const char *const packed[] = {".gz", ".zst", ".xz", ".lz4", ".bz2"};
    static const char *const ends[] = {".pcap", ".pcapng", ".cap", ".dmp"};
    size_t len = strlen(path);

    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
        if (drop_end(path, &len, packed[i]))
            break;
    while (len && path[len - 1] >= '0' && path[len - 1] <= '9')
        len--;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (drop_end(path, &len, ends[i]))
            return true;
    return false;
}

/* A file of a folder: is it a capture? One of which that cannot be told, as it cannot be opened or
 * unpacked, is named: it may be one. So is what somebody may take for one: an empty file with a
 * capture's name, an archive, a capture of another format. Pipes and devices are none. */
static bool is_capture(const char *path, bool *incomplete) {
    struct capture_error error;
    struct stat status;

    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    enum capture_status found = capture_recognise(path, &error);
    if (found == CAPTURE_OPEN_FAILED || found == CAPTURE_DAMAGED) {
        cli_say("%s: %s", path, error.text);
        *incomplete = true;
    } else if (found == CAPTURE_OTHER || (found == CAPTURE_EMPTY && is_named_as_capture(path))) {
        cli_say("%s: passed over: %s", path, error.text);
    }
    return found == CAPTURE_OK;
}

/* What is in one folder: captures to `found`, folders to `folders`. Links to folders are not
 * followed, so that a loop of them ends. */
static bool read_folder(const char *folder, struct paths *found, struct paths *folders,
                        bool *incomplete) {
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
        else if (is_capture(path, incomplete))
            *ARRAY_PUSH(found) = path;
        else
            free(path);
    }
    closedir(dir);
    return true;
}

/* What tells that two names are of one file. */
struct identity {
    bool known;
    dev_t device;
    ino_t inode;
};

static struct identity identify(const char *path) {
    struct stat status;

    if (strcmp(path, "-") == 0 || stat(path, &status) != 0)
        return (struct identity){0};
    return (struct identity){true, status.st_dev, status.st_ino};
}

static bool is_same(const struct identity *a, const struct identity *b) {
    return a->known && b->known && a->device == b->device && a->inode == b->inode;
}

static bool is_link(const char *path) {
    struct stat status;

    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

/* A link to a capture that is in the folder too is no other capture. Of several links to one that
 * is elsewhere the first is taken. */
static void drop_links(struct paths *found) {
    struct identity *identities = memory_new_zeroed(found->n ? found->n : 1, sizeof *identities);
    bool *links = memory_new_zeroed(found->n ? found->n : 1, sizeof *links);
    size_t n = 0;

    for (size_t i = 0; i < found->n; i++) {
        identities[i] = identify(found->items[i]);
        links[i] = is_link(found->items[i]);
    }
    for (size_t i = 0; i < found->n; i++) {
        size_t k = 0;
        while (k < found->n && !(k != i && links[i] && (!links[k] || k < i) &&
                                 is_same(&identities[i], &identities[k])))
            k++;
        if (k == found->n)
            continue;
        cli_say("%s: passed over: a link to a file that is judged anyway", found->items[i]);
        free(found->items[i]);
        found->items[i] = NULL;
    }
    for (size_t i = 0; i < found->n; i++)
        if (found->items[i])
            found->items[n++] = found->items[i];
    found->n = n;
    free(identities);
    free(links);
}

static void list_folder(struct captures *captures, const char *top) {
    struct paths found = {0}, folders = {0};

    *ARRAY_PUSH(&folders) = copy_text(top);
    while (folders.n) {
        char *folder = folders.items[--folders.n];
        if (!read_folder(folder, &found, &folders, &captures->incomplete)) {
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
        drop_links(&found);
    }
    for (size_t i = 0; i < found.n; i++)
        *ARRAY_PUSH(&captures->paths) = found.items[i];
    ARRAY_FINI(&folders);
    ARRAY_FINI(&found);
}

/* A set takes a file once: seen twice, each of its packets would be one that two points saw. */
static void drop_repeated(struct captures *captures) {
    struct identity *kept = memory_new_zeroed(captures->paths.n, sizeof *kept);
    size_t n = 0;

    for (size_t i = 0; i < captures->paths.n; i++) {
        char *path = captures->paths.items[i];
        struct identity identity = identify(path);
        size_t k = 0;
        while (k < n && strcmp(captures->paths.items[k], path) != 0 &&
               !is_same(&kept[k], &identity))
            k++;
        if (k < n) {
            cli_say("%s: named twice; it is taken once", capture_label(path));
            free(path);
        } else {
            kept[n] = identity;
            captures->paths.items[n++] = path;
        }
    }
    captures->paths.n = n;
    free(kept);
}

static char *name_of_set(const struct captures *captures) {
    size_t others = captures->paths.n - 1;
    char *name = NULL;

    if (asprintf(&name, "%s and %zu other%s", capture_label(captures->paths.items[0]), others,
                 others == 1 ? "" : "s") < 0)
        return NULL;
    return name;
}

void captures_list(struct captures *captures, const struct text_list *operands, bool merge) {
    *captures = (struct captures){0};
    for (size_t i = 0; i < operands->n; i++) {
        struct stat status;
        const char *operand = operands->items[i];
        if (strcmp(operand, "-") != 0 && stat(operand, &status) == 0 && S_ISDIR(status.st_mode))
            list_folder(captures, operand);
        else
            *ARRAY_PUSH(&captures->paths) = copy_text(operand);
    }
    if (merge)
        drop_repeated(captures);
    captures->merge = merge && captures->paths.n > 1;
    if (captures->merge)
        captures->set_name = name_of_set(captures);
}

void captures_fini(struct captures *captures) {
    for (size_t i = 0; i < captures->paths.n; i++)
        free(captures->paths.items[i]);
    ARRAY_FINI(&captures->paths);
    free(captures->set_name);
}

size_t captures_count(const struct captures *captures) {
    return captures->merge ? 1 : captures->paths.n;
}

const char *captures_name(const struct captures *captures, size_t index) {
    return captures->merge ? captures->set_name : capture_label(captures->paths.items[index]);
}

const char *capture_label(const char *path) {
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* ---- reading ---- */

void reading_begin(struct reading *reading, const struct captures *captures, size_t index) {
    *reading = (struct reading){0};
    if (captures->merge) {
        reading->set = merged_set_new(captures->paths.items, captures->paths.n);
        return;
    }
    reading->path = captures->paths.items[index];
    reading->capture = capture_open(reading->path, &reading->end);
    reading->opened = reading->capture;
}

struct slice reading_take_secrets(struct reading *reading) {
    if (reading->set)
        return merge_take_secrets(merged_set_merge(reading->set));
    return reading->capture ? capture_take_secrets(reading->capture) : slice_of(NULL, 0);
}

void reading_read_secrets(struct reading *reading, struct tls_keylog *keylog) {
    struct slice text = reading_take_secrets(reading);

    if (text.len)
        tls_keylog_read(keylog, text);
}

/* Say of each file of a set what is wrong with it; the first sentence, and how many more. */
static char *end_of_set(struct reading *reading) {
    const struct merge *merge = merged_set_merge(reading->set);
    char *first = NULL, *all = NULL;
    size_t damaged = 0;

    for (size_t i = 0; i < merge_file_count(merge); i++) {
        const struct capture_error *end = merge_end(merge, i);
        const char *label = merge_file(merge, i)->label;
        reading->opened =
            reading->opened || end->status == CAPTURE_END || end->status == CAPTURE_DAMAGED;
        if (end->status == CAPTURE_END)
            continue;
        cli_say("%s: %s", label, end->text);
        if (!damaged++ && asprintf(&first, "%s: %s", label, end->text) < 0)
            first = NULL;
    }
    reading->complete = !damaged;
    reading->dropped = merge_dropped(merge);
    reading->secrets_left_out = merge_secrets_left_out(merge);
    if (damaged < 2 || !first)
        return first;
    if (asprintf(&all, "%s; and %zu more file%s", first, damaged - 1, damaged == 2 ? "" : "s") < 0)
        return first;
    free(first);
    return all;
}

char *reading_end(struct reading *reading) {
    if (reading->set)
        return end_of_set(reading);
    if (reading->capture) {
        reading->dropped = capture_dropped(reading->capture);
        reading->secrets_left_out = capture_secrets_left_out(reading->capture);
    }
    capture_close(reading->capture);
    reading->capture = NULL;
    reading->complete = reading->end.status == CAPTURE_END;
    if (reading->complete)
        return NULL;
    cli_say("%s: %s", capture_label(reading->path), reading->end.text);
    return copy_text(reading->end.text);
}

void reading_fini(struct reading *reading) {
    capture_close(reading->capture);
    merged_set_free(reading->set);
    *reading = (struct reading){0};
}

struct told_capture capture_tell(const struct captures *captures, size_t index,
                                 const struct story_options *options) {
    struct tls_keylog *secrets = tls_keylog_new(options->keylog);
    struct story_options with_secrets = *options;
    struct reading reading;
    struct frame frame;

    with_secrets.keylog = secrets;
    struct story_builder *builder = story_begin(&with_secrets);
    reading_begin(&reading, captures, index);
    while (reading_next(&reading, &frame)) {
        reading_read_secrets(&reading, secrets);
        story_feed(builder, &frame);
    }
    char *damage = reading_end(&reading);
    if (damage)
        story_damaged(builder, damage);
    story_secrets_left_out(builder, reading.secrets_left_out);
    free(damage);

    const char *const *files = (const char *const *)&captures->paths.items[index];
    struct story *story =
        story_end(builder, files, captures->merge ? captures->paths.n : 1, reading.dropped);
    if (reading.set)
        story_merged(story, merged_set_merge(reading.set));
    keys_say_unfit(captures_name(captures, index), options->keylog, &story->tls, story->merge);
    tls_keylog_free(secrets);
    return (struct told_capture){
        .story = story, .set = reading.set, .complete = reading.complete, .opened = reading.opened};
}

void told_capture_fini(struct told_capture *told) {
    story_free(told->story);
    merged_set_free(told->set);
}
