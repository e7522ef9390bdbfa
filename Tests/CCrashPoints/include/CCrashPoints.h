#ifndef C_CRASH_POINTS_H
#define C_CRASH_POINTS_H

#include "file_record.h"

/* Ends the process with SIGKILL inside the n-th call of its kind, half of the times before the call
 * is made and half of the times after. Linked into the tests alone, where these functions stand
 * before the system's. */

enum crash_point {
    /* The store writes pages or a root. */
    CRASH_IN_STORE_WRITE,
    /* The store waits for the disk. */
    CRASH_IN_STORE_SYNC,
    /* A message is handed to the Kafka client. */
    CRASH_IN_PUBLISH,
};

/* From now on; `count` is at least 1. */
void crash_point_arm(enum crash_point point, long count, int after_the_call);

#endif
