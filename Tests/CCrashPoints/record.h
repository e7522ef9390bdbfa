#ifndef RECORD_H
#define RECORD_H

#include <sys/types.h>
#include <sys/uio.h>

/* For the functions that stand before the system's: what they did, once it is done. */
void record_write(int file, const void *bytes, ssize_t count, off_t at);
void record_pieces(int file, const struct iovec *pieces, int count, ssize_t written, off_t at);
void record_sync(int file);

#endif
