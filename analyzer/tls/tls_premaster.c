/* master = PRF(premaster, "master secret", client random + server random), or
 *          PRF(premaster, "extended master secret", hash of the transcript)        RFC 7627 4
 */
#include "tls/tls_premaster.h"

#include <stdlib.h>

#include "base/memory.h"
#include "tls/tls_kdf.h"

enum { TRANSCRIPT_MAX = 256 * 1024 };

void tls_transcript_add(struct tls_transcript *transcript, struct slice bytes) {
    size_t len = transcript->len + bytes.len;

    if (transcript->broken || !bytes.len)
        return;
    if (len > TRANSCRIPT_MAX) {
        tls_transcript_clear(transcript, true);
        return;
    }
    if (len > transcript->cap) {
        transcript->cap = len * 2;
        transcript->bytes = memory_resize(transcript->bytes, transcript->cap, 1);
    }
    memcpy(transcript->bytes + transcript->len, bytes.ptr, bytes.len);
    transcript->len = len;
}

void tls_transcript_clear(struct tls_transcript *transcript, bool broken) {
    free(transcript->bytes);
    *transcript = (struct tls_transcript){.broken = broken};
}

bool tls_premaster_encrypted(struct slice body, struct slice *encrypted) {
    uint16_t len;

    return slice_take_u16be(&body, &len) && len == body.len && len >= TLS_PREMASTER_ID_LEN &&
           slice_take(&body, len, encrypted);
}

bool tls_master_from_premaster(struct tls_secret *master, const struct tls_secret *premaster,
                               const struct tls_agreed *agreed,
                               const struct tls_transcript *transcript) {
    const EVP_MD *hash = agreed->version >= TLS_1_2 ? agreed->suite->hash() : NULL;
    uint8_t seed[EVP_MAX_MD_SIZE > 2 * TLS_RANDOM_LEN ? EVP_MAX_MD_SIZE : 2 * TLS_RANDOM_LEN];
    unsigned len = 2 * TLS_RANDOM_LEN;

    if (!agreed->extended_master) {
        memcpy(seed, agreed->client_random, TLS_RANDOM_LEN);
        memcpy(seed + TLS_RANDOM_LEN, agreed->server_random, TLS_RANDOM_LEN);
    } else if (transcript->broken || !EVP_Digest(transcript->bytes, transcript->len, seed, &len,
                                                 hash ? hash : EVP_md5_sha1(), NULL)) {
        return false;
    }
    *master = (struct tls_secret){.len = TLS_MASTER_SECRET_LEN, .line = premaster->line};
    return tls_prf(hash, slice_of(premaster->bytes, premaster->len),
                   agreed->extended_master ? "extended master secret" : "master secret",
                   slice_of(seed, len), master->bytes, TLS_MASTER_SECRET_LEN);
}
