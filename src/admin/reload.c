/* ferryd reload: what a signal would do, with an answer. */
#include <stdio.h>

#include "admin/reach.h"

static int
run_reload(const struct admin_call *call)
{
    const struct control_request q = {.op = CONTROL_RELOAD};
    struct control_end end;
    int status = reach_once(call, &q, NULL, NULL, &end);
    if (status == ADMIN_OK)
        puts("the configuration has been read again");
    return status;
}

static const struct admin_verb verb = {
    "reload", NULL, "", "read the configuration again; sessions stay",
    NULL,     0,    0,  run_reload};

int
admin_reload(int argc, char **argv, const char *config_path)
{
    return admin_run_verb(&verb, 1, argc, argv, config_path);
}
