/*
 * Lists of users from elsewhere. The first octet chooses the form; of passwd and
 * shadow, the text up to the first blank line is the one, what follows the other.
 * A row that is given out keeps what its header promises.
 */
#include <stdlib.h>

#include "account/import.h"
#include "account/name.h"
#include "account/password.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_row(const struct import_row *row)
{
    if (!user_name_is_valid(bytes_str(row->name)) || row->password.n > SECRET_MAX)
        abort();
    if (row->hash[0] && !password_hash_is_usable(row->hash, NULL))
        abort();
    if (row->hash[0] && row->password.n != 0)
        abort();
    if (row->dirs[0] == '/' || strncmp(row->dirs, "../", 3) == 0 ||
        strstr(row->dirs, "/../") || strstr(row->dirs, ",../") || strstr(row->dirs, ",/"))
        abort();
}

static void
split_at_blank_line(struct bytes text, struct bytes *first, struct bytes *second)
{
    const uint8_t *gap = text.n ? memmem(text.p, text.n, "\n\n", 2) : NULL;
    size_t n = gap ? (size_t)(gap - text.p) : text.n;
    *first = bytes_first(text, n);
    *second = bytes_skip(text, n + 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct import_row row;
    struct bytes text = bytes_skip(bytes_of(data, size), 1), passwd, shadow;
    struct fault why = {0};
    struct import it;
    enum import_step step;
    unsigned last = 0;
    split_at_blank_line(text, &passwd, &shadow);
    if (size != 0 && data[0] == 'p')
        import_passwd_start(&it, passwd, shadow, 1000);
    else
        import_list_start(&it, text);
    while ((step = import_next(&it, &row, &why)) != IMPORT_END) {
        if (row.line <= last || (step == IMPORT_BAD) != (why.text[0] != 0))
            abort();
        last = row.line;
        if (step == IMPORT_ROW)
            check_row(&row);
    }
    return 0;
}
