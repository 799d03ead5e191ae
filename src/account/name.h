/*
 * Names of users and of groups of accounts: an allow-list, asked before any
 * use, so that no name can be a path, an option or a piece of a command
 * (threats A9).
 */
#ifndef FERRY_ACCOUNT_NAME_H
#define FERRY_ACCOUNT_NAME_H

#include "account/record.h"
#include "base/bytes.h"

/* [A-Za-z0-9._@+-]{1,ACCOUNT_NAME_MAX}, not beginning with '-' or '.'. */
bool user_name_is_valid(struct bytes name);

#endif
