/*
 * Accounts out of other programs' lists, line by line:
 *
 *  - `user:pass[:e][:uid[:gid[:dir1[,dir2...]]]]`, as the sftp containers read
 *    their users.conf; ":e" says that pass is a hash, an empty one: keys only.
 *    The directories are the places that may be written to; the one above isn't.
 *  - passwd(5) with shadow(5): name, ids, home, hash, lock and expiry.
 *
 * Pure: text in, rows out. What a row says is checked here as far as one row can be.
 */
#ifndef FERRY_ACCOUNT_IMPORT_H
#define FERRY_ACCOUNT_IMPORT_H

#include "account/record.h"
#include "base/buf.h"
#include "base/secret.h"

enum {
    IMPORT_TEXT_MAX = 16 << 20, /* octets of one file */
    IMPORT_LINE_MAX = 8192,     /* octets */
    IMPORT_DIRS_MAX = 1024,     /* octets of the directories of one line */
};

struct import_row {
    unsigned line;                   /* from 1 */
    char name[ACCOUNT_NAME_MAX + 1]; /* "": not even that could be read */
    struct secret password;          /* n 0: none */
    char hash[ACCOUNT_HASH_MAX + 1]; /* "": none */
    int64_t uid, gid;                /* ACCOUNT_UNSET: not given */
    char home[PATH_MAX];             /* "": not given */
    char dirs[IMPORT_DIRS_MAX + 1];  /* relative, comma-separated; "": none */
    bool is_disabled;
    int64_t expires; /* ACCOUNT_UNSET */
};

struct import {
    bool is_passwd;
    struct bytes rest, shadow;
    unsigned line;
    int64_t min_uid; /* passwd: those below are the system's own */
};

enum import_step { IMPORT_END, IMPORT_ROW, IMPORT_BAD };

/* Texts are borrowed for the walk. */
void import_list_start(struct import *it, struct bytes text);
/* shadow: may be empty: then hashes are looked for in passwd itself. */
void import_passwd_start(struct import *it, struct bytes passwd, struct bytes shadow,
                         int64_t min_uid);

/* The next line that is about a user. BAD: row->line, perhaps row->name, and *why
 * (overwritten) say what is wrong; the walk goes on. Wipe the row after use. */
enum import_step
import_next(struct import *it, struct import_row *row, struct fault *why);

#endif
