/* dns.chain: what should not have been asked, or not yet. */
#include <string.h>

#include "rules/checks/dns_chain.h"

/* A question answered this long before another is not part of what follows. */
#define TOGETHER_NS ((int64_t)2 * 1000000000)

/* A lookup of a step before the first one: NAPTR where the chain begins with SRV or with A. */
static enum finding check_uncalled(struct chain *chain) {
    const struct resolution *walk = chain->walk;

    if (chain->start != RANK_NAPTR && chain_first_query(walk, DNS_NAPTR, NULL))
        return chain_misused(chain, "NAPTR was asked, though port, transport or mode leave it out");
    if (chain->start == RANK_ADDRESS && chain_first_query(walk, DNS_SRV, NULL))
        return chain_misused(chain, "SRV was asked, though port or mode leave it out");
    return FINDING_PASS;
}

/* Was `late` asked only after `early`, a later step of the chain, had its answer? */
static bool is_reversed(const struct query *late, const struct query *early) {
    return late && early && early->answer_frame && early->answer_t_ns < late->t_ns &&
           late->t_ns - early->answer_t_ns < TOGETHER_NS;
}

static enum finding check_sequence(struct chain *chain) {
    const struct resolution *walk = chain->walk;
    const struct query *naptr = chain_first_query(walk, DNS_NAPTR, walk->host);
    const struct query *srv = chain_first_query(walk, DNS_SRV, NULL);
    const struct query *address = chain_first_address_query(walk, walk->host);

    if (is_reversed(naptr, srv))
        return chain_due(chain, "NAPTR", walk->host, "before SRV was");
    if (is_reversed(naptr, address))
        return chain_due(chain, "NAPTR", walk->host, "before the host's addresses were");
    if (is_reversed(srv, address))
        return chain_due(chain, "SRV", srv->name, "before the host's addresses were");
    return FINDING_PASS;
}

/* dns.additional `use`: an address that came along with the SRV answer needs no lookup. */
static enum finding check_additional(struct chain *chain) {
    const struct resolution *walk = chain->walk;

    if (chain->judge->expect->dns.additional != DNS_ADDITIONAL_USE)
        return FINDING_PASS;
    for (size_t i = 0; i < walk->query_count; i++) {
        const struct query *srv = walk->queries[i];
        for (size_t r = 0; r < srv->record_count; r++) {
            const struct fact_record *record = &srv->records[r];
            const struct query *asked;
            if (record->section != DNS_ADDITIONAL)
                continue;
            asked = chain_first_query(walk, record->type, record->name);
            if (asked && asked->t_ns >= srv->answer_t_ns)
                return chain_misused(
                    chain, arena_printf(chain->judge->arena,
                                        "%s was asked, though its address stood in the additional "
                                        "section",
                                        record->name));
        }
    }
    return FINDING_PASS;
}

enum finding chain_check_order(struct chain *chain) {
    enum finding finding = check_uncalled(chain);

    if (finding == FINDING_PASS)
        finding = check_sequence(chain);
    return finding == FINDING_PASS ? check_additional(chain) : finding;
}
