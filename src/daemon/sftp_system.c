/* See sftp_system.h. */
#include "daemon/sftp_system.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

static int64_t
system_now(void *ctx)
{
    (void)ctx;
    return time(NULL);
}

static bool
system_local_time(void *ctx, int64_t seconds, struct tm *t)
{
    (void)ctx;
    time_t when = (time_t)seconds;
    return localtime_r(&when, t) != NULL;
}

/* A name that would be cut is not shown: the number is, which misleads nobody. */
static bool
copy_name(const char *from, char name[SFTP_OWNER_MAX + 1])
{
    return from && snprintf(name, SFTP_OWNER_MAX + 1, "%s", from) <= SFTP_OWNER_MAX;
}

static bool
system_user_name(void *ctx, uint32_t uid, char name[SFTP_OWNER_MAX + 1])
{
    (void)ctx;
    const struct passwd *pw = getpwuid(uid);
    return pw && copy_name(pw->pw_name, name);
}

static bool
system_group_name(void *ctx, uint32_t gid, char name[SFTP_OWNER_MAX + 1])
{
    (void)ctx;
    const struct group *gr = getgrgid(gid);
    return gr && copy_name(gr->gr_name, name);
}

static bool
system_home_of(void *ctx, struct bytes user, struct vfs_path *home)
{
    (void)ctx;
    char name[256]; /* LOGIN_NAME_MAX */
    if (user.n >= sizeof name || memchr(user.p, 0, user.n))
        return false;
    memcpy(name, user.p, user.n);
    name[user.n] = 0;
    const struct passwd *pw = getpwnam(name);
    return pw && vfs_path_parse(home, NULL, bytes_str(pw->pw_dir)) == 0;
}

const struct sftp_host sftp_system_host = {
    .now = system_now,
    .local_time = system_local_time,
    .user_name = system_user_name,
    .group_name = system_group_name,
    .home_of = system_home_of,
};
