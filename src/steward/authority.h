/*
 * Certificates of authorities that the administrator trusts (TrustedUserCAKeys)
 * instead of the account: brought to the form of authorized_keys, so that they
 * are judged by the one function that judges certificates.
 */
#ifndef FERRY_STEWARD_AUTHORITY_H
#define FERRY_STEWARD_AUTHORITY_H

#include "steward/job.h"

/*
 * Append to text one cert-authority line for each way in: without
 * AuthorizedPrincipalsFile one whose principal is the login name, with it one for
 * each of its lines that names a principal of the certificate, with that line's
 * options. Nothing when the certificate's authority is not in ca_keys.
 * *name: what the lines should be called; changed when they come from the file.
 * Call it as the account: the file is its own.
 */
enum err
authority_lines(const struct steward_key *q, struct bytes ca_keys,
                const struct log_sink *log, struct buf *text, const char **name) MUST_USE;

#endif
