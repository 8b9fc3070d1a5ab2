/* A whole file, compressed or not: frames come in order, and after the end nothing else does. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/capture.h"
#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct net_handler handler = {0};
    struct capture_error error = {0};
    char path[64];
    uint32_t last = 0;
    struct frame frame;
    enum capture_status status;
    int fd = memfd_create("capture", 0);

    if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct capture *capture = capture_open(path, &error);
    close(fd);
    if (!capture) {
        if (error.status == CAPTURE_OK || !error.text[0])
            abort();
        return 0;
    }
    struct net *net = net_new(&handler);
    while ((status = capture_next(capture, &frame, &error)) == CAPTURE_OK) {
        struct slice secrets = capture_take_secrets(capture);
        if (frame.no <= last || frame.t_ns < 0 || frame.bytes.len > frame.wire_len ||
            (secrets.len && secrets.ptr[secrets.len - 1] != '\n'))
            abort();
        last = frame.no;
        net_feed(net, &frame);
    }
    if (capture_next(capture, &frame, &error) != status ||
        (status == CAPTURE_DAMAGED && (!error.text[0] || error.frame_no <= last)))
        abort();
    net_end(net);
    net_free(net);
    capture_close(capture);
    return 0;
}
