/* Counts what a process asks the system for memory, on all its threads.
 *
 * Linked into the test binary alone: it takes the place of the C library's allocation functions,
 * hands every call on to them, and counts while counting is on. */
#pragma once

/* Starts counting from zero. */
void allocation_count_start(void);
/* Stops; returns the number of allocations since the start: malloc and its kin, and mmap. */
long allocation_count_stop(void);
