/* What the system has and Swift does not import. */
#pragma once

/* Names the thread that calls; the system keeps the first 15 bytes. pthread_setname_np is hidden
 * from Swift, and prctl is variadic. */
void platform_name_this_thread(const char *name);
