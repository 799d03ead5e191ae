/*
 * The subcommands of `ferryd user`, by subject: each does one call's work on the
 * open store and says what it did. user_command.c has their table.
 */
#ifndef FERRY_ACCOUNT_USER_PART_H
#define FERRY_ACCOUNT_USER_PART_H

#include "account/user_call.h"
#include "base/secret.h"

typedef enum err user_run(struct user_call *call, struct fault *why);

/* user_account.c */
user_run user_add, user_set, user_disable, user_enable, user_del;
user_run user_group_add, user_group_set, user_group_del;
/* user_show.c */
user_run user_list, user_show, user_group_list, user_group_show;
/* user_secret.c */
user_run user_passwd, user_totp_enable, user_totp_disable, user_recovery;
/* user_key.c */
user_run user_key_add, user_key_list, user_key_del;
/* user_import.c */
user_run user_import;

/*
 * The password that the options ask for, judged: from standard input, a file, made up, or
 * asked on the terminal. n 0: none was wanted (add without any of them, no terminal).
 */
enum err user_take_password(struct user_call *call, const char *name,
                            struct secret *password, struct fault *why) MUST_USE;

/* A password for the account, hashed and stored. */
enum err user_store_password(struct user_call *call, const struct account_record *r,
                             struct bytes password, struct fault *why) MUST_USE;

/* Every key in a file ("-": standard input); *n_added counts them. */
enum err user_add_keys(struct user_call *call, int64_t id, const char *file,
                       unsigned *n_added, struct fault *why) MUST_USE;

/* A whole file, "-": standard input; bounded by out->max. */
enum err user_read_file(const char *file, struct buf *out, struct fault *why) MUST_USE;

/* Make an account's root directory, %u expanded, unless it is there; *is_made. r: its
 * effective record. dirs: comma-separated names to make inside; may be "". */
enum err user_make_root(const struct user_call *call, const struct account_record *r,
                        const char *dirs, bool *is_made, struct fault *why) MUST_USE;

#endif
