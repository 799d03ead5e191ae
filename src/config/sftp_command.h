/*
 * `internal-sftp` and its options, as ForceCommand and Subsystem take them:
 * those of sftp-server(8). A path that ends in sftp-server means the same.
 */
#ifndef FERRY_CONFIG_SFTP_COMMAND_H
#define FERRY_CONFIG_SFTP_COMMAND_H

#include "config/value.h"

/* Owned texts; NULL: not said. */
struct sftp_command {
    char *start_directory; /* -d; with %d (home), %u, %% */
    char *allowed;         /* -p: requests with commas, those of all -p; NULL: all */
    char *denied;          /* -P: the same; NULL: none */
    char *log_level;       /* -l: "INFO" */
    char *log_facility;    /* -f: "AUTH" */
    int umask;             /* -u; OPTION_UNSET */
    int file_mode;         /* -m: permissions of new files; OPTION_UNSET */
    bool is_read_only;     /* -R */
};

/*
 * Take a command line apart. c: overwritten, cleared by the caller in any case.
 * ERR_PROTO: *why (by value_refuse) says what is wrong with it; ERR_NOMEM.
 */
enum err
sftp_command_parse(struct bytes line, struct sftp_command *c, struct buf *why) MUST_USE;
void sftp_command_clear(struct sftp_command *c);

/* Append it as a line that sftp_command_parse reads as the same: "internal-sftp -R". */
void sftp_command_print(const struct sftp_command *c, struct buf *out);

extern const struct option_word sftp_log_levels[]; /* LogLevel's words too */
extern const struct option_word sftp_log_facilities[];

#endif
