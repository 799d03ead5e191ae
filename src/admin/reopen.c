/* ferryd reopen: what a signal would do, with an answer. */
#include <stdio.h>

#include "admin/reach.h"

static int
run_reopen(const struct admin_call *call)
{
    const struct control_request q = {.op = CONTROL_REOPEN};
    struct control_end end;
    int status = reach_once(call, &q, NULL, NULL, &end);
    if (status == ADMIN_OK)
        puts("the log files have been opened again");
    return status;
}

static const struct admin_verb verb = {
    "reopen", NULL, "", "open log files again, after they were rotated",
    NULL,     0,    0,  run_reopen};

int
admin_reopen(int argc, char **argv, const char *config_path)
{
    return admin_run_verb(&verb, 1, argc, argv, config_path);
}
