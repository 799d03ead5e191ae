"""What stands around each process, read back from the kernel (threats S1 to S8)."""

TESTS = ()
