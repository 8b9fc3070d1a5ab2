/* IEEE 802.11 data frames (IEEE 802.11-2020 9.2.4 and 9.3.2).
 *
 *   | frame control | duration | address 1 | 2 | 3 | sequence | address 4 | QoS | HT | LLC …
 *     2               2          6           6   6   2          6           2     4
 *
 *   to DS  from DS   destination  source       address 4 is there where both are set, QoS control
 * by 0       0          1          2          the subtype, HT control by the order flag and QoS; 0
 * 1          1          3          some hosts fill all that up to four bytes 1       0          3 2
 *     1       1          3          4
 *
 *   aggregate (A-MSDU)  | destination | source | length | LLC … | filled up to four bytes | …
 */
#include "net/inner.h"

/* The first byte of frame control. */
enum {
    VERSION_AND_TYPE = 0x0f,
    TYPE_DATA = 0x08,
    SUBTYPE_NO_DATA = 0x40,
    SUBTYPE_QOS = 0x80,
};

/* The second. */
enum {
    TO_DS = 0x01,
    FROM_DS = 0x02,
    MORE_FRAGMENTS = 0x04,
    PROTECTED = 0x40,
    ORDER = 0x80,
};

enum {
    FRAGMENT_NUMBER = 0x0f,
    QOS_LEN = 2,
    QOS_AGGREGATE = 0x80,
    HT_CONTROL_LEN = 4,
};

struct wlan_header {
    bool swapped;
    uint8_t type, flags, qos;
    struct mac_addr address[4];
};

/* Is there clear text although the frame says that it was protected? Some hosts capture frames
 * after they have been decrypted. */
static bool is_clear(struct slice body) {
    static const uint8_t snap[] = {0xaa, 0xaa, 0x03, 0x00, 0x00};

    return slice_starts(body, slice_of(snap, sizeof snap));
}

/* The frame control has been read. */
static bool open_data(struct link_packet *p, struct wlan_header *h, bool padded) {
    size_t len = p->bytes.len;
    uint8_t sequence[2];

    if ((h->type & VERSION_AND_TYPE) != TYPE_DATA || h->type & SUBTYPE_NO_DATA)
        return false; /* management and control carry nothing of the phone's */
    if (!slice_skip(&p->bytes, 2))
        return false;
    for (int i = 0; i < 3; i++)
        if (!link_take_mac(&p->bytes, &h->address[i]))
            return false;
    if (!slice_take_u8(&p->bytes, &sequence[0]) || !slice_take_u8(&p->bytes, &sequence[1]))
        return false;
    if ((h->flags & (TO_DS | FROM_DS)) == (TO_DS | FROM_DS) &&
        !link_take_mac(&p->bytes, &h->address[3]))
        return false;
    if (h->type & SUBTYPE_QOS) {
        if (!slice_take_u8(&p->bytes, &h->qos) || !slice_skip(&p->bytes, QOS_LEN - 1) ||
            (h->flags & ORDER && !slice_skip(&p->bytes, HT_CONTROL_LEN)))
            return false;
    }
    /* Frame control was two bytes of the header. */
    if (padded && !slice_skip(&p->bytes, (4 - (2 + len - p->bytes.len) % 4) % 4))
        return false;

    p->dst = h->address[h->flags & TO_DS ? 2 : 0];
    p->src = h->address[!(h->flags & FROM_DS) ? 1 : h->flags & TO_DS ? 3 : 2];
    if (h->flags & PROTECTED && !is_clear(p->bytes)) {
        p->hidden = true;
        return false;
    }
    if (h->flags & MORE_FRAGMENTS || sequence[h->swapped] & FRAGMENT_NUMBER)
        return false; /* hardly ever sent: no threshold is set where there are phones */
    p->type = h->qos & QOS_AGGREGATE ? LAYER_AGGREGATE : LAYER_LLC;
    return true;
}

static bool open_frame(struct link_packet *p, bool padded) {
    struct wlan_header h = {0};

    return slice_take_u8(&p->bytes, &h.type) && slice_take_u8(&p->bytes, &h.flags) &&
           open_data(p, &h, padded);
}

bool link_open_wlan(struct link_packet *p) {
    return open_frame(p, false);
}

bool link_open_wlan_padded(struct link_packet *p) {
    return open_frame(p, true);
}

/* Some access points hand the frame control on with its bytes exchanged: the type is in the one
 * that can be one. */
bool link_open_wlan_swapped(struct link_packet *p) {
    struct wlan_header h = {0};

    if (!slice_take_u8(&p->bytes, &h.type) || !slice_take_u8(&p->bytes, &h.flags))
        return false;
    if ((h.type & VERSION_AND_TYPE) != TYPE_DATA) {
        uint8_t type = h.flags;
        h.flags = h.type;
        h.type = type;
        h.swapped = true;
    }
    return open_data(p, &h, false);
}

bool link_open_aggregate(struct link_packet *p) {
    uint16_t len;

    if (!link_take_mac(&p->bytes, &p->dst) || !link_take_mac(&p->bytes, &p->src) ||
        !slice_take_u16be(&p->bytes, &len))
        return false;
    size_t filled_up = (14u + len + 3u) / 4 * 4 - 14u;
    if (filled_up < p->bytes.len)
        link_put_aside(p, slice_between(p->bytes, filled_up, p->bytes.len), LAYER_AGGREGATE);
    link_limit(p, len);
    p->type = LAYER_LLC;
    return true;
}
