/*
 * ferryd metrics: the figures once, to standard output or into a file for a
 * textfile collector; or, with --listen, from a program of its own. The daemon
 * itself speaks no HTTP (threats S8), and neither does this one.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "admin/metrics_text.h"
#include "admin/reach.h"
#include "admin/show.h"
#include "daemon/files.h"

static void
take_status(void *ctx, const struct control_reply *r)
{
    if (r->kind == CONTROL_STATUS_RECORD)
        metrics_put(ctx, &r->status);
}

static int
write_out(const struct admin_call *call, const struct buf *text)
{
    struct fault why = {0};
    if (!call->output)
        return show_print(text) ? ADMIN_OK : ADMIN_FAILED;
    if (buf_err(text) != ERR_NONE)
        return admin_fail("out of memory");
    /* The collector runs as somebody else. */
    if (file_replace(call->output, 0644, buf_bytes(text), &why) != ERR_NONE)
        return admin_fail("%s", why.text);
    return ADMIN_OK;
}

/* The program that serves them is beside this one, or where it is installed. */
static int
become_server(const struct admin_call *call)
{
    static const char *const places[] = {"", "../libexec/ferry/"};
    char self[PATH_MAX], program[PATH_MAX + 64], path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return admin_fail("/proc/self/exe: %s", strerror(errno));
    self[n] = 0;
    if (!reach_path(call, path))
        return ADMIN_FAILED;
    const char *folder = dirname(self);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        snprintf(program, sizeof program, "%s/%sferryd-metrics", folder, places[i]);
        execl(program, program, "--socket", path, "--listen", call->listen, (char *)NULL);
    }
    return admin_fail("ferryd-metrics is not installed beside %s", folder);
}

static int
run_metrics(const struct admin_call *call)
{
    const struct control_request q = {.op = CONTROL_STATUS};
    struct control_end end;
    struct buf text;
    if (call->listen && call->output)
        return admin_misused(call, "either --listen or --output");
    if (call->listen)
        return become_server(call);
    buf_init(&text, METRICS_MAX);
    int status = reach_once(call, &q, take_status, &text, &end);
    if (status == ADMIN_OK)
        status = write_out(call, &text);
    buf_clear(&text);
    return status;
}

static const struct admin_option options[] = {
    ADMIN_TEXT_AT("output", "FILE", output,
                  "write a file, whole, for a textfile collector"),
    ADMIN_TEXT_AT("listen", "ADDR:PORT", listen,
                  "serve them over HTTP, as the program ferryd-metrics"),
    {0},
};

static const struct admin_verb verb = {
    "metrics", NULL, "", "figures in Prometheus's text format",
    options,   0,    0,  run_metrics};

int
admin_metrics(int argc, char **argv, const char *config_path)
{
    return admin_run_verb(&verb, 1, argc, argv, config_path);
}
