/*
 * What people type to name a remote place: scp's form and URLs. What is
 * accepted must be safe to hand on: no host or user that begins with "-", no
 * control character in either.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(const char *name)
{
    if (!name)
        return;
    if (name[0] == '-')
        abort();
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target t;
    const char *why = NULL;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size != 0)
        memcpy(text, data, size);
    text[size] = '\0';
    (void)target_is_remote(text);
    enum err e = target_parse(text, &t, &why);
    if (e == ERR_PROTO && !why)
        abort();
    if (e == ERR_NONE) {
        check_name(t.user);
        check_name(t.host);
        if (!t.host || !t.path || !target_is_same_host(&t, &t))
            abort();
    }
    target_clear(&t);
    free(text);
    return 0;
}
