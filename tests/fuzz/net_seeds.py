#!/usr/bin/python3
"""Writes the seeds of net_fuzz for link layers and tunnels into corpus/net.

A seed is one frame or more, each behind its kind (the index of its link type in net_fuzz.c), a pause in
seconds and its length.
"""
import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus" / "net"

MACS = bytes.fromhex("02000000000a02000000000b")
ETHER = MACS + b"\x08\x00"
LLC = b"\xaa\xaa\x03\x00\x00\x00\x08\x00"
WLAN = bytes.fromhex("08010000020000000001") + MACS[6:] + MACS[:6] + b"\x10\x00"

ETHERNET, RAW, SLL, SLL2, PPP, WLAN_LINK, RADIOTAP, PRISM, AVS, PPI = 0, 1, 2, 3, 5, 8, 9, 10, 11, 12
NFLOG, NETLINK, PKTAP, FRAME_RELAY, ATM, SUNATM, TOKEN_RING, ARCNET = 17, 18, 19, 22, 23, 25, 26, 29


def udp(sport, dport, payload):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def ipv4(protocol, payload, ident=0, bits=0):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, bits, 64, protocol, 0,
                       bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])) + payload


def ipv6(payload):
    return struct.pack(">IHBB", 0x60000000, len(payload), 17, 64) + b"\x20\x01" + bytes(13) + b"\x01" \
        + b"\x20\x01" + bytes(13) + b"\x02" + payload


def frame(kind, data, pause=0):
    return struct.pack(">BBH", kind, pause, len(data)) + data


INNER = ipv4(17, udp(5060, 5060, b"hello"))
INNER6 = ipv6(udp(5060, 5060, b"hello"))


def on_ip(protocol, header, inner=INNER):
    return frame(RAW, ipv4(protocol, header + inner))


def on_udp(port, header, inner=INNER):
    return on_ip(17, b"", udp(40000, port, header + inner))


def aggregate(*packets):
    subframes = b""
    for packet in packets:
        subframes += bytes(-len(subframes) % 4) + MACS + struct.pack(">H", 8 + len(packet)) + LLC + packet
    return b"\x88" + WLAN[1:] + b"\x80\x00" + subframes


def attribute(kind, value):
    return struct.pack("<HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


GRE_PART = b"\x00\x00\x08\x00" + INNER
SEEDS = {
    "link-wlan": frame(WLAN_LINK, WLAN + LLC + INNER) + frame(WLAN_LINK, aggregate(INNER, INNER)),
    "link-monitor": frame(RADIOTAP, b"\0\0\x09\0\x02\0\0\0\x10" + WLAN + LLC + INNER + b"\xfc" * 4)
                    + frame(PRISM, b"\x44\0\0\0\x08\0\0\0" + WLAN + LLC + INNER)
                    + frame(AVS, b"\x80\x21\x10\x01\0\0\0\x08" + WLAN + LLC + INNER)
                    + frame(PPI, b"\0\0\x08\0\x69\0\0\0" + WLAN + LLC + INNER),
    "link-ppp": frame(PPP, b"\xff\x03\x00\x21" + INNER) + frame(PPP, b"\x7e\xff\x7d\x23\x21" + INNER + b"\0\0\x7e")
                + frame(PPP, b"\x00\x31\x00\x01" + ETHER + INNER)
                + frame(ETHERNET, MACS + b"\x88\x64\x11\x00\x00\x01" + struct.pack(">H", 2 + len(INNER)) + b"\x00\x21"
                        + INNER),
    "link-linux": frame(SLL, b"\0\0\x03\x23" + bytes(10) + b"\0\x04" + b"\0\0\x08\0" + bytes(4) + WLAN + LLC + INNER)
                  + frame(SLL2, b"\0\x04" + bytes(18) + LLC + INNER)
                  + frame(NFLOG, b"\x02\0\0\0" + attribute(8, b"\0\x06\0\0" + MACS[:6] + b"\0\0") + attribute(9, INNER))
                  + frame(NETLINK, bytes(14) + b"\0\x0c" + struct.pack("<IHHII", 24 + len(INNER), 0x400, 0, 0, 0)
                          + b"\x02\0\0\0" + attribute(9, INNER)),
    "link-pktap": frame(PKTAP, struct.pack("<III", 108, 1, 1) + bytes(96) + ETHER + INNER),
    "link-wide": frame(FRAME_RELAY, b"\x18\x41\x03\xcc" + INNER) + frame(ATM, LLC + INNER)
                 + frame(SUNATM, b"\x02\0\0\x64" + LLC + INNER) + frame(TOKEN_RING, b"\x10\x40" + MACS + LLC + INNER)
                 + frame(ARCNET, b"\x01\x02\0\0\xd4\0\0\x07" + INNER),
    "link-tags": frame(ETHERNET, MACS + b"\x89\x3f" + bytes(6) + b"\x89\x26" + bytes(4) + b"\x88\xe7" + bytes(4)
                       + ETHER + INNER)
                 + frame(ETHERNET, MACS + b"\x88\x47\0\x01\x01\x40" + bytes(4) + ETHER + INNER)
                 + frame(ETHERNET, MACS + b"\x88\xe5\x00\x00\0\0\0\x01\x08\x00" + INNER + bytes(16)),
    "tunnel-gre": on_ip(47, b"\xb0\0\x08\0" + bytes(12)) + on_ip(47, b"\x20\0\x65\x58\0\0\0\x07" + ETHER)
                  + on_ip(47, b"\x30\x01\x88\x0b" + struct.pack(">H", 1 + len(INNER)) + bytes(6) + b"\x21")
                  + on_ip(47, b"\x10\0\x88\xbe\0\0\0\x01\x10" + bytes(7) + ETHER)
                  + on_ip(47, b"\x10\0\x22\xeb\0\0\0\x01\x20" + bytes(10) + b"\x01" + bytes(8) + ETHER),
    "tunnel-overlay": on_udp(4789, b"\x08" + bytes(7) + ETHER) + on_udp(4790, b"\x0c\0\0\x04\0\0\x07\0"
                                                                         b"\x0f\xc2\x02\x01\0\0\x01\xff")
                      + on_udp(6081, b"\x01\0\x65\x58" + bytes(8) + ETHER) + on_udp(4341, bytes(8)),
    "tunnel-gtp": on_udp(2152, b"\x34\xff" + struct.pack(">H", 8 + len(INNER)) + bytes(7) + b"\x85\x01\x10\x01\0"),
    "tunnel-l2tp": on_udp(1701, b"\x4a\x02" + struct.pack(">H", 17 + len(INNER)) + bytes(8) + b"\0\x02\0\0\x21")
                   + on_ip(115, b"\0\0\0\x07" + bytes(8) + ETHER),
    "tunnel-wlan": on_udp(37008, b"\x01\0\0\x12\x0a\x01\x55\x01" + WLAN + LLC)
                   + on_udp(5247, b"\0\x10\x03\0\0\0\0\0" + WLAN + LLC),
    "tunnel-ipv6": on_udp(3544, b"\0\x01\0\0" + bytes(9) + bytes(8), INNER6)
                   + on_udp(5072, b"\x41\x52\x11\x29" + bytes(40), INNER6) + on_ip(41, b"", INNER6),
    "tunnel-fragments": frame(RAW, ipv4(47, GRE_PART[:16], 7, 0x2000)) + frame(RAW, ipv4(47, GRE_PART[16:], 7, 2)),
}


def main():
    for name, seed in SEEDS.items():
        (CORPUS / name).write_bytes(seed)


if __name__ == "__main__":
    main()
