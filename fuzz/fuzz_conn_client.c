/*
 * A client's engine against a hostile server, in whichever phase the input's
 * first octet chooses.
 */
#include "rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rig_run(CONN_CLIENT, RIG_STARTS, bytes_of(data, size));
    return 0;
}
