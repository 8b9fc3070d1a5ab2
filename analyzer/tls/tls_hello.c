/* The two hellos:
 *
 *     ClientHello  version(2) random(32) session_id<1> cipher_suites<2> compression<1>
 * extensions<2> ServerHello  version(2) random(32) session_id<1> cipher_suite(2) compression(1)
 * extensions<2>
 *
 * <n>: behind a length of n bytes. Extensions may be missing altogether (RFC 5246 7.4.1.2). */
#include "tls/tls_hello.h"

enum extension {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_ALPN = 16,
    EXTENSION_ENCRYPT_THEN_MAC = 22,
    EXTENSION_EXTENDED_MASTER_SECRET = 23,
    EXTENSION_EARLY_DATA = 42,
    EXTENSION_SUPPORTED_VERSIONS = 43,
};

enum { SESSION_ID_MAX = 32, NAME_TYPE_HOST = 0 };

/* SHA-256 of "HelloRetryRequest" in place of a random (RFC 8446 4.1.3). */
static const uint8_t retry_random[TLS_RANDOM_LEN] = {
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};

static bool take_u8_vector(struct slice *in, struct slice *out) {
    uint8_t len;

    return slice_take_u8(in, &len) && slice_take(in, len, out);
}

static bool take_u16_vector(struct slice *in, struct slice *out) {
    uint16_t len;

    return slice_take_u16be(in, &len) && slice_take(in, len, out);
}

/* The next extension of a list; false: there is none. */
static bool take_extension(struct slice *list, uint16_t *type, struct slice *body) {
    return slice_take_u16be(list, type) && take_u16_vector(list, body);
}

/* RFC 6066 3: a list of (type, name); one host_name at most. */
static struct slice host_name(struct slice body) {
    struct slice names, name;
    uint8_t type;

    if (!take_u16_vector(&body, &names))
        return (struct slice){0};
    while (slice_take_u8(&names, &type) && take_u16_vector(&names, &name))
        if (type == NAME_TYPE_HOST)
            return name;
    return (struct slice){0};
}

/* RFC 7301 3.1 */
static struct slice first_protocol(struct slice body) {
    struct slice names, name = {0};

    if (take_u16_vector(&body, &names))
        take_u8_vector(&names, &name);
    return name;
}

/* RFC 8446 4.2.1. Values of no version (RFC 8701) have another high byte. */
static uint16_t highest_version(struct slice body, uint16_t highest) {
    struct slice versions;
    uint16_t version;

    if (!take_u8_vector(&body, &versions))
        return highest;
    while (slice_take_u16be(&versions, &version))
        if (version >> 8 == 3 && version > highest)
            highest = version;
    return highest;
}

bool tls_client_hello_parse(struct slice body, struct tls_client_hello *out) {
    struct tls_client_hello hello = {0};
    struct slice suites, compression, extensions = {0}, extension;
    uint16_t type;

    if (!slice_take_u16be(&body, &hello.version) || hello.version >> 8 != 3 ||
        !slice_take(&body, TLS_RANDOM_LEN, &hello.random) ||
        !take_u8_vector(&body, &hello.session_id) || hello.session_id.len > SESSION_ID_MAX ||
        !take_u16_vector(&body, &suites) || suites.len < 2 || suites.len % 2 ||
        !take_u8_vector(&body, &compression))
        return false;
    if (body.len && !take_u16_vector(&body, &extensions))
        return false;
    while (take_extension(&extensions, &type, &extension)) {
        if (type == EXTENSION_SERVER_NAME)
            hello.server_name = host_name(extension);
        else if (type == EXTENSION_ALPN)
            hello.protocol = first_protocol(extension);
        else if (type == EXTENSION_SUPPORTED_VERSIONS)
            hello.version = highest_version(extension, hello.version);
        else if (type == EXTENSION_EARLY_DATA)
            hello.early_data = true;
    }
    *out = hello;
    return true;
}

bool tls_server_hello_parse(struct slice body, struct tls_server_hello *out) {
    struct tls_server_hello hello = {0};
    struct slice extensions = {0}, extension;
    uint16_t type, version;

    if (!slice_take_u16be(&body, &hello.version) || hello.version >> 8 != 3 ||
        !slice_take(&body, TLS_RANDOM_LEN, &hello.random) ||
        !take_u8_vector(&body, &hello.session_id) || hello.session_id.len > SESSION_ID_MAX ||
        !slice_take_u16be(&body, &hello.suite) || !slice_take_u8(&body, &hello.compression))
        return false;
    if (body.len && !take_u16_vector(&body, &extensions))
        return false;
    hello.retry = slice_eq(hello.random, slice_of(retry_random, sizeof retry_random));
    while (take_extension(&extensions, &type, &extension)) {
        if (type == EXTENSION_ENCRYPT_THEN_MAC)
            hello.encrypt_then_mac = true;
        else if (type == EXTENSION_EXTENDED_MASTER_SECRET)
            hello.extended_master = true;
        else if (type == EXTENSION_SUPPORTED_VERSIONS && slice_take_u16be(&extension, &version))
            hello.version = version;
    }
    *out = hello;
    return true;
}
