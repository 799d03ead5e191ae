/* Addresses and lists of them, as key files use them. */
#ifndef FERRY_KEY_PATTERN_H
#define FERRY_KEY_PATTERN_H

#include "base/address.h"

#endif
