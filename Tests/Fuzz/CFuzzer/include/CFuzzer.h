#ifndef CFUZZER_H
#define CFUZZER_H

#include <stddef.h>
#include <stdint.h>

/// libFuzzer's own loop, of the compiler runtime that the driver is linked with. It takes its options
/// from the arguments, calls `run` once an input on the calling thread, and ends the process where one
/// fails.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *data, size_t size));

#endif
