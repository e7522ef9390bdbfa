#ifndef FILE_RECORD_H
#define FILE_RECORD_H

/* Keeps every call by which this process changes the files below one folder, with the bytes, in
 * order. One recording at a time; calls of all threads are in it. */

enum file_call {
    FILE_WRITE,
    FILE_TRUNCATE,
    FILE_SYNC,
    FILE_CREATE,
    FILE_RENAME,
    FILE_REMOVE,
    /* Put in by file_record_mark. */
    FILE_MARK,
};

struct file_record {
    enum file_call call;
    /* Of the file, below the folder; empty for the folder itself. */
    const char *name;
    /* What a renamed file is called then. */
    const char *renamed;
    /* Where in the file; the number of a mark; the size to truncate to. */
    long at;
    long count;
    const void *bytes;
    /* A write that is on the disk when the call returns (O_DSYNC). */
    int durable;
};

/* `folder` is an absolute path without a slash at its end. */
void file_record_begin(const char *folder);
void file_record_mark(long number);
/* Ends the recording; how many calls it has. They stay until the next one begins. */
long file_record_end(void);
const struct file_record *file_record_at(long index);

#endif
