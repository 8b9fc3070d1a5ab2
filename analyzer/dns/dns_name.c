/* Names: labels and pointers become octets without compression, or text.
 *
 *   03 'w' 'w' 'w' 03 'l' 'a' 'b' 00          a name: length, label, …, the root's length 0
 *   03 'w' 'w' 'w' C0 0C                      the same, its end borrowed from offset 12
 *
 * The two high bits of a length say what it is: 00 a label of up to 63 octets, 11 the high part of
 * a pointer "to a prior occurrence of the same name" (RFC 1035 4.1.4); 01 and 10 are not in use
 * (RFC 6891 5). Prior means before the run of labels that holds the pointer, so that a chain of
 * pointers falls strictly and cannot loop. A name with its lengths takes at most 255 octets
 * (RFC 1035 2.3.4), which bounds its labels to 127; we follow no more pointers than that.
 */
#include "dns/dns_name.h"

#include "dns/dns_message.h"

enum { HEADER_LEN = 12, LABEL_KIND = 0xc0, LABEL_POINTER = 0xc0, POINTERS_MAX = 127 };

enum dns_name_status dns_name_walk(struct slice message, size_t at, uint8_t wire[DNS_NAME_WIRE_MAX],
                                   size_t *wire_len, size_t *after) {
    const uint8_t *bytes = message.ptr;
    size_t run = at; /* where the labels being read began: pointers must lead before it */
    size_t used = 0, pointers = 0;

    for (;;) {
        enum dns_name_status wrong = pointers ? DNS_NAME_BAD : DNS_NAME_UNREADABLE;
        if (at >= message.len)
            return pointers ? DNS_NAME_BAD : DNS_NAME_CUT;
        uint8_t octet = bytes[at];

        if ((octet & LABEL_KIND) == LABEL_POINTER) {
            if (message.len - at < 2)
                return pointers ? DNS_NAME_BAD : DNS_NAME_CUT;
            size_t target = (size_t)(octet & 0x3f) << 8 | bytes[at + 1];
            if (pointers == 0)
                *after = at + 2;
            if (target >= run || target < HEADER_LEN || ++pointers > POINTERS_MAX)
                return DNS_NAME_BAD;
            at = run = target;
            continue;
        }
        if (octet & LABEL_KIND)
            return wrong;
        size_t len = (size_t)octet + 1;
        if (used + len > DNS_NAME_WIRE_MAX)
            return wrong;
        if (len > message.len - at)
            return pointers ? DNS_NAME_BAD : DNS_NAME_CUT;
        if (wire)
            memcpy(wire + used, bytes + at, len);
        used += len;
        at += len;
        if (octet == 0) {
            if (pointers == 0)
                *after = at;
            if (wire_len)
                *wire_len = used;
            return DNS_NAME_OK;
        }
    }
}

/* One octet of a label as RFC 1035 5.1 writes it; the same octets are escaped as in ldns, which
 * writes the names inside record data of the rarer types. */
static char *put_octet(char *out, uint8_t c) {
    if (c <= ' ' || c > '~') {
        *out++ = '\\';
        *out++ = (char)('0' + c / 100);
        *out++ = (char)('0' + c / 10 % 10);
        *out++ = (char)('0' + c % 10);
        return out;
    }
    if (c == '.' || c == '\\' || c == ';' || c == '(' || c == ')')
        *out++ = '\\';
    *out++ = (char)c;
    return out;
}

bool dns_name_text(struct slice message, size_t at, char text[DNS_NAME_TEXT_LEN], size_t *after) {
    uint8_t wire[DNS_NAME_WIRE_MAX];
    size_t len = 0, behind = at;
    char *out = text;

    text[0] = '\0';
    enum dns_name_status status = dns_name_walk(message, at, wire, &len, &behind);
    if (after && (status == DNS_NAME_OK || status == DNS_NAME_BAD))
        *after = behind;
    if (status != DNS_NAME_OK)
        return false;
    if (len == 1)
        *out++ = '.';
    for (size_t i = 0; wire[i]; i += (size_t)wire[i] + 1) {
        if (i)
            *out++ = '.';
        for (size_t k = 1; k <= wire[i]; k++)
            out = put_octet(out, wire[i + k]);
    }
    *out = '\0';
    return true;
}

/* What letters, digits, hyphen and underscore, of which nearly all names are made, are in lower
 * case; 0: another octet. */
static char plain_lower(uint8_t c) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
        return (char)c;
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : '\0';
}

/* One label of plain octets; false: it is not. */
static bool put_plain_label(struct slice label, char *out) {
    for (size_t i = 0; i < label.len; i++)
        if (!(out[i] = plain_lower(label.ptr[i])))
            return false;
    return true;
}

/* A name of plain labels in one pass, with one pointer at most; 0: read it the long way. */
static size_t plain_name(struct slice message, size_t at, char text[DNS_NAME_TEXT_LEN]) {
    size_t used = 0, run = at;

    while (at < message.len && message.ptr[at]) {
        struct slice rest = slice_between(message, at + 1, message.len), label;
        uint8_t octet = message.ptr[at];
        if (octet >= LABEL_POINTER && run == at && used == 0 && rest.len) {
            size_t target = (size_t)(octet & 0x3f) << 8 | rest.ptr[0];
            if (target >= at || target < HEADER_LEN)
                return 0;
            at = target;
            run = 0;
            continue;
        }
        if ((octet & LABEL_KIND) || used + octet + 2 > DNS_NAME_WIRE_MAX ||
            !slice_take(&rest, octet, &label) || !put_plain_label(label, text + used))
            return 0;
        used += octet;
        text[used++] = '.';
        at += (size_t)octet + 1;
    }
    if (at >= message.len || !used)
        return 0;
    text[--used] = '\0';
    return used;
}

size_t dns_name_lower(struct slice message, size_t at, char text[DNS_NAME_TEXT_LEN]) {
    size_t len = plain_name(message, at, text);

    if (len)
        return len;
    dns_name_text(message, at, text, NULL);
    for (; text[len]; len++)
        if (text[len] >= 'A' && text[len] <= 'Z')
            text[len] = (char)(text[len] | 0x20);
    return len;
}
