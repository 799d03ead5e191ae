/* See reach.h. */
#include "admin/reach.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/config_files.h"

static bool
path_by_default(char *path)
{
    if (geteuid() == 0)
        snprintf(path, PATH_MAX, "/run/ferry/control");
    else
        snprintf(path, PATH_MAX, "/run/user/%lu/ferry/control", (unsigned long)geteuid());
    return true;
}

static bool
path_of_config(const char *config_path, char *path)
{
    const struct config_homes homes = config_homes_of_environment();
    struct server_config *config;
    struct server_options o;
    struct fault why = {0};
    server_options_init(&o);
    if (config_files_load(config_path, NULL, &homes, &config, &o, &why) != ERR_NONE) {
        admin_fail("%s", why.text);
        server_options_clear(&o);
        return false;
    }
    bool is_there = o.control_socket != NULL;
    if (is_there)
        snprintf(path, PATH_MAX, "%s", o.control_socket);
    else
        admin_fail("%s has no ControlSocket", config_path);
    server_options_clear(&o);
    server_config_free(config);
    return is_there;
}

bool
reach_path(const struct admin_call *call, char *path)
{
    if (call->socket) {
        snprintf(path, PATH_MAX, "%s", call->socket);
        return true;
    }
    if (call->config_path)
        return path_of_config(call->config_path, path);
    return access(CONFIG_FILES_DEFAULT, R_OK) == 0
               ? path_of_config(CONFIG_FILES_DEFAULT, path)
               : path_by_default(path);
}

bool
reach_open(struct dialogue *d, const struct admin_call *call)
{
    char path[PATH_MAX];
    struct fault why = {0};
    d->fd = -1;
    if (!reach_path(call, path))
        return false;
    if (dialogue_connect(d, path, &why) == ERR_NONE)
        return true;
    admin_fail("%s", why.text);
    return false;
}

int
reach_once(const struct admin_call *call, const struct control_request *request,
           dialogue_take *take, void *ctx, struct control_end *end)
{
    struct dialogue d;
    struct fault why = {0};
    if (!reach_open(&d, call))
        return ADMIN_FAILED;
    enum err err = dialogue_ask(&d, request, take, ctx, end, &why);
    dialogue_close(&d);
    return err == ERR_NONE ? ADMIN_OK : admin_fail("%s", why.text);
}
