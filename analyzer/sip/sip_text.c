/* Tokens and quoted strings (RFC 3261 25.1):
 *
 *   token         =  1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")
 *   quoted-string =  DQUOTE *(qdtext / "\" any) DQUOTE
 */
#include "sip/sip_text.h"

const uint8_t sip_token_chars[256] = {
    ['-'] = 1,  ['.'] = 1, ['!'] = 1, ['%'] = 1, ['*'] = 1, ['_'] = 1, ['+'] = 1, ['`'] = 1,
    ['\''] = 1, ['~'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1,
    ['6'] = 1,  ['7'] = 1, ['8'] = 1, ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1,
    ['E'] = 1,  ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1,
    ['M'] = 1,  ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1,
    ['U'] = 1,  ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1,
    ['c'] = 1,  ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1,
    ['k'] = 1,  ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1,
    ['s'] = 1,  ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
};

size_t sip_quote_end(struct slice a) {
    for (size_t i = 1; i < a.len; i++) {
        i += slice_find(sip_from(a, i), '"');
        size_t slashes = 0;
        while (i < a.len && i - slashes > 1 && a.ptr[i - slashes - 1] == '\\')
            slashes++;
        if (i < a.len && slashes % 2 == 0)
            return i;
    }
    return a.len;
}

size_t sip_find_outside(struct slice a, uint8_t stop, bool brackets) {
    size_t i = 0, len;

    while (i < a.len) {
        if (brackets)
            for (; i < a.len && a.ptr[i] != stop && a.ptr[i] != '"' && a.ptr[i] != '<'; i++)
                ;
        else
            i += sip_find_either(sip_from(a, i), stop, '"');
        if (i >= a.len || a.ptr[i] == stop)
            break;
        struct slice rest = sip_from(a, i);
        len = rest.ptr[0] == '"' ? sip_quote_end(rest) : slice_find(rest, '>');
        /* What nothing closes is an ordinary character. */
        i += len < rest.len ? len + 1 : 1;
    }
    return i;
}
