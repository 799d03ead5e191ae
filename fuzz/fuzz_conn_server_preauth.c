/*
 * A server's engine and nobody it knows: identification and packets in clear,
 * up to NEWKEYS.
 */
#include "rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rig_run(CONN_SERVER, RIG_ALONE, bytes_of(data, size));
    return 0;
}
