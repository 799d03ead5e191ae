/* What every unit test includes, in the order that cmocka wants. */
#ifndef FERRY_BASE_BASE_TEST_H
#define FERRY_BASE_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

/* Octets equal, both shown when not. */
#define assert_bytes_equal(a, b)                   \
    do {                                           \
        struct bytes a_ = (a), b_ = (b);           \
        assert_int_equal(a_.n, b_.n);              \
        if (a_.n != 0)                             \
            assert_memory_equal(a_.p, b_.p, a_.n); \
    } while (0)

#endif
