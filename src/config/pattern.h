/*
 * Patterns of ssh_config and sshd_config: `*` is any run of octets, `?` any
 * one, compared without regard to ASCII case when told so. Matching is
 * iterative and takes at most |text| * |pattern| steps (threats R9).
 */
#ifndef FERRY_CONFIG_PATTERN_H
#define FERRY_CONFIG_PATTERN_H

#include "base/bytes.h"

enum config_case { CONFIG_EXACT_CASE, CONFIG_IGNORE_CASE };

bool
config_pattern_matches(struct bytes pattern, struct bytes text, enum config_case fold);

/*
 * Does text match a comma-separated list? An element that begins with `!`
 * vetoes; a veto alone never makes a match.
 */
bool
config_pattern_list_matches(struct bytes list, struct bytes text, enum config_case fold);

#endif
