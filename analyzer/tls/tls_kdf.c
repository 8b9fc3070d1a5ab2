/* Both are chains of HMACs:
 *
 *     P_hash   A(i) = HMAC(secret, A(i-1)), A(0) = label + seed;  out = HMAC(secret, A(i) + A(0)) …
 *     expand   T(i) = HMAC(secret, T(i-1) + info + i);            out = T(1) + T(2) …
 */
#include "tls/tls_kdf.h"

#include <assert.h>
#include <openssl/hmac.h>

enum { SEED_MAX = 128, INFO_MAX = 64 };

static bool hmac(const EVP_MD *hash, struct slice key, struct slice data, uint8_t *out,
                 size_t *out_len) {
    unsigned len = 0;

    if (!HMAC(hash, key.ptr, (int)key.len, data.ptr, data.len, out, &len))
        return false;
    *out_len = len;
    return true;
}

/* P_hash, combined with what is in out by XOR. */
static bool p_hash(const EVP_MD *hash, struct slice secret, struct slice seed, uint8_t *out,
                   size_t out_len) {
    uint8_t input[EVP_MAX_MD_SIZE + SEED_MAX], next[EVP_MAX_MD_SIZE], block[EVP_MAX_MD_SIZE];
    size_t len = 0;

    if (!hmac(hash, secret, seed, next, &len))
        return false;
    while (out_len) {
        memcpy(input, next, len);
        memcpy(input + len, seed.ptr, seed.len);
        if (!hmac(hash, secret, slice_of(input, len + seed.len), block, &len) ||
            !hmac(hash, secret, slice_of(input, len), next, &len))
            return false;
        size_t n = len < out_len ? len : out_len;
        for (size_t i = 0; i < n; i++)
            out[i] ^= block[i];
        out += n;
        out_len -= n;
    }
    return true;
}

bool tls_prf(const EVP_MD *hash, struct slice secret, const char *label, struct slice seed,
             uint8_t *out, size_t out_len) {
    uint8_t whole[SEED_MAX];
    size_t label_len = strlen(label);

    assert(label_len + seed.len <= sizeof whole);
    memcpy(whole, label, label_len);
    memcpy(whole + label_len, seed.ptr, seed.len);
    struct slice all = slice_of(whole, label_len + seed.len);
    memset(out, 0, out_len);
    if (hash)
        return p_hash(hash, secret, all, out, out_len);
    /* The halves of the secret share a byte where its length is odd. */
    size_t half = (secret.len + 1) / 2;
    return p_hash(EVP_md5(), slice_between(secret, 0, half), all, out, out_len) &&
           p_hash(EVP_sha1(), slice_between(secret, secret.len - half, secret.len), all, out,
                  out_len);
}

bool tls_expand_label(const EVP_MD *hash, struct slice secret, const char *label, uint8_t *out,
                      size_t out_len) {
    static const char prefix[] = "tls13 ";
    uint8_t info[INFO_MAX], input[EVP_MAX_MD_SIZE + INFO_MAX + 1], block[EVP_MAX_MD_SIZE];
    size_t label_len = strlen(label), prefix_len = sizeof prefix - 1, n = 0, len = 0;

    assert(4 + prefix_len + label_len <= sizeof info && out_len <= UINT8_MAX);
    info[n++] = 0;
    info[n++] = (uint8_t)out_len;
    info[n++] = (uint8_t)(prefix_len + label_len);
    memcpy(info + n, prefix, prefix_len);
    memcpy(info + n + prefix_len, label, label_len);
    n += prefix_len + label_len;
    info[n++] = 0; /* no context */
    for (uint8_t i = 1; out_len; i++) {
        memcpy(input, block, len);
        memcpy(input + len, info, n);
        input[len + n] = i;
        if (!hmac(hash, secret, slice_of(input, len + n + 1), block, &len))
            return false;
        size_t taken = len < out_len ? len : out_len;
        memcpy(out, block, taken);
        out += taken;
        out_len -= taken;
    }
    return true;
}
