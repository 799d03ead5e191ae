/* See system_account.h. */
#include "steward/system_account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "account/name.h"
#include "account/password.h"

enum { DAY_S = 24 * 60 * 60 };

/* getpwnam's memory. */
static const struct passwd *
find_passwd(const char *user)
{
    if (!user_name_is_valid(bytes_str(user)))
        return NULL;
    const struct passwd *pw = getpwnam(user);
    if (!pw || strcmp(pw->pw_name, user) != 0)
        return NULL; /* NSS that folds case would make two names of one */
    return geteuid() == 0 || pw->pw_uid == geteuid() ? pw : NULL;
}

bool
system_account_find(const char *user, struct identity *identity)
{
    const struct passwd *pw = find_passwd(user);
    if (!pw || strlen(pw->pw_dir) >= sizeof identity->home)
        return false;
    *identity = (struct identity){.uid = pw->pw_uid, .gid = pw->pw_gid};
    memcpy(identity->name, pw->pw_name, strlen(pw->pw_name));
    memcpy(identity->home, pw->pw_dir, strlen(pw->pw_dir));
    return true;
}

enum err
identity_take(const struct identity *i, struct fault *why)
{
    uid_t uid, euid, suid;
    if (initgroups(i->name, i->gid) != 0 || setresgid(i->gid, i->gid, i->gid) != 0 ||
        setresuid(i->uid, i->uid, i->uid) != 0)
        return fault_errno(why, ERR_IO, errno, "cannot become %.64s", i->name);
    bool is_taken = getresuid(&uid, &euid, &suid) == 0 && uid == i->uid &&
                    euid == i->uid && suid == i->uid;
    if (!is_taken || (i->uid != 0 && setresuid(0, 0, 0) == 0))
        return fault_set(why, ERR_BUG, 0, "became %.64s only by half", i->name);
    return ERR_NONE;
}

/* ---- facts ---- */

/* ERR_LIMIT: more groups than a grant can carry; DenyGroups could not be trusted. */
static enum err
put_groups(const struct passwd *pw, struct steward_facts *f)
{
    gid_t gids[GRANT_GROUPS_MAX];
    int n = GRANT_GROUPS_MAX;
    size_t used = 0;
    if (getgrouplist(pw->pw_name, pw->pw_gid, gids, &n) < 0)
        return ERR_LIMIT;
    f->n_groups = (uint32_t)n;
    for (int i = 0; i < n; i++) {
        f->groups[i] = gids[i];
        const struct group *group = getgrgid(gids[i]);
        if (!group)
            continue; /* a number without a name is named by no rule */
        size_t len = strlen(group->gr_name) + 1;
        if (len > sizeof f->group_names - used)
            return ERR_LIMIT;
        memcpy(f->group_names + used, group->gr_name, len);
        used += len;
        f->n_group_names++;
    }
    return ERR_NONE;
}

static bool
is_shell_usable(const char *shell)
{
    struct stat st;
    const char *path = shell && shell[0] ? shell : "/bin/sh"; /* passwd(5) */
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
}

static bool
is_expired(const struct spwd *sp)
{
    return sp->sp_expire > 0 && time(NULL) / DAY_S >= sp->sp_expire;
}

static void
put_shadow(const struct passwd *pw, struct steward_facts *f)
{
    const struct spwd *sp = geteuid() == 0 ? getspnam(pw->pw_name) : NULL;
    const char *stored = sp ? sp->sp_pwdp : pw->pw_passwd;
    f->is_locked = stored && stored[0] == '!';
    f->is_expired = sp && is_expired(sp);
}

void
system_account_look_up(const char *user, const struct log_sink *log,
                       struct steward_facts *f)
{
    errno = 0;
    const struct passwd *pw = find_passwd(user);
    f->head.verdict = STEWARD_NO;
    if (!pw)
        return;
    f->kind = STEWARD_SYSTEM;
    f->has_ids = 1;
    f->uid = pw->pw_uid;
    f->gid = pw->pw_gid;
    f->is_shell_usable = is_shell_usable(pw->pw_shell);
    f->is_nologin = pw->pw_uid != 0 && access("/etc/nologin", F_OK) == 0;
    int n = snprintf(f->home, sizeof f->home, "%s", pw->pw_dir);
    put_shadow(pw, f);
    if (n < 0 || (size_t)n >= sizeof f->home || put_groups(pw, f) != ERR_NONE) {
        log_line(log, LOG_LEVEL_ERROR, "%s: home or groups are too long", user);
        memset(&f->kind, 0, sizeof *f - offsetof(struct steward_facts, kind));
        f->head.verdict = STEWARD_FAILED;
        return;
    }
    f->head.verdict = STEWARD_YES;
}

/* ---- password ---- */

static bool
is_password_expired(const struct spwd *sp)
{
    long today = (long)(time(NULL) / DAY_S);
    if (sp->sp_lstchg == 0)
        return true; /* has to be changed at the next login, which can't be done here */
    return sp->sp_lstchg > 0 && sp->sp_max >= 0 && today > sp->sp_lstchg + sp->sp_max;
}

/* The stored string, or the dummy's for whoever has none that can be right. */
static const char *
stored_password(const struct spwd *sp, bool *is_dummy)
{
    bool is_usable = sp && sp->sp_pwdp && password_hash_is_usable(sp->sp_pwdp, NULL) &&
                     !is_expired(sp) && !is_password_expired(sp);
    *is_dummy = !is_usable;
    return is_usable ? sp->sp_pwdp : password_dummy_hash();
}

void
system_account_password(const char *user, struct bytes password,
                        const struct log_sink *log, struct job_reply *reply)
{
    bool is_dummy;
    bool is_known = find_passwd(user) != NULL;
    const struct spwd *sp = is_known && geteuid() == 0 ? getspnam(user) : NULL;
    if (is_known && geteuid() != 0)
        log_line(log, LOG_LEVEL_VERBOSE,
                 "%s: only root can check a system account's password", user);
    const char *stored = stored_password(sp, &is_dummy);
    enum err err = password_verify(password, stored);
    if (err == ERR_NONE && !is_dummy)
        reply_say(reply, STEWARD_YES, "password");
    else
        reply_say(reply, STEWARD_NO, "wrong password");
}

/* ---- names ---- */

void
system_account_names(const struct steward_names *q, struct steward_names_answer *a)
{
    a->n = q->n;
    for (uint32_t i = 0; i < q->n; i++) {
        const struct passwd *pw = q->is_groups ? NULL : getpwuid(q->ids[i]);
        const struct group *gr = q->is_groups ? getgrgid(q->ids[i]) : NULL;
        const char *name = pw ? pw->pw_name : gr ? gr->gr_name : "";
        size_t n = strlen(name);
        if (n < sizeof a->names[i])
            memcpy(a->names[i], name, n + 1);
    }
    a->head.verdict = STEWARD_YES;
}
