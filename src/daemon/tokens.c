/* See tokens.h. */
#include "daemon/tokens.h"

static const struct token *
token_of(char letter, const struct token *tokens, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tokens[i].letter == letter)
            return &tokens[i];
    return NULL;
}

enum err
tokens_expand(const char *template, const struct token *tokens, size_t n, struct buf *out,
              struct fault *why)
{
    for (const char *p = template; *p; p++) {
        if (*p != '%') {
            buf_put_u8(out, (uint8_t)*p);
            continue;
        }
        p++;
        if (*p == '%') {
            buf_put_u8(out, '%');
            continue;
        }
        const struct token *token = *p ? token_of(*p, tokens, n) : NULL;
        if (!token || !token->value)
            return fault_set(why, ERR_PROTO, 0, "%.120s: %%%c means nothing here",
                             template, *p ? *p : ' ');
        buf_put_str(out, token->value);
    }
    if (buf_err(out) != ERR_NONE)
        return fault_set(why, buf_err(out), 0, "%.120s: too long", template);
    return ERR_NONE;
}
