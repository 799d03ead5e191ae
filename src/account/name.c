/* See name.h. */
#include "account/name.h"

bool
user_name_is_valid(struct bytes name)
{
    if (name.n == 0 || name.n > ACCOUNT_NAME_MAX || name.p[0] == '-' || name.p[0] == '.')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool is_alnum =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alnum && (c == 0 || !strchr("._@+-", c)))
            return false;
    }
    return true;
}
