/* Reads a capture with libpcap and does nothing: the floor under every tool that uses it. */
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

int main(int argc, char **argv) {
    char error[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *bytes;
    uint64_t packets = 0, total = 0;
    int status;

    if (argc != 2) {
        fputs("Usage: pcap_loop FILE\n", stderr);
        return 2;
    }
    pcap_t *pcap = pcap_open_offline(argv[1], error);
    if (!pcap) {
        fprintf(stderr, "pcap_loop: %s\n", error);
        return 1;
    }
    while ((status = pcap_next_ex(pcap, &header, &bytes)) == 1) {
        packets++;
        total += header->caplen;
    }
    printf("%llu packets, %llu bytes\n", (unsigned long long)packets, (unsigned long long)total);
    pcap_close(pcap);
    return status == PCAP_ERROR_BREAK ? 0 : 1;
}
