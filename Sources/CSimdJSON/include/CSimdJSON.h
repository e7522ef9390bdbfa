/* simdjson's DOM parser behind C functions: one strict JSON document in, a flat array out.
 *
 * Nothing here throws or aborts on any input. Beyond what simdjson rejects (malformed text, bytes
 * that are not UTF-8, half a surrogate pair, numbers that do not fit, trailing content), an object
 * that names a key twice at any level is refused. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tsj_parser tsj_parser;

enum {
    TSJ_NULL = 0,
    TSJ_FALSE,
    TSJ_TRUE,
    TSJ_INTEGER, /* bits: int64_t */
    TSJ_DOUBLE,  /* bits: a finite double; integers beyond int64_t too */
    TSJ_STRING,  /* text, length: UTF-8 */
    TSJ_ARRAY,   /* length: elements */
    TSJ_OBJECT   /* length: members */
};

enum { TSJ_UNNAMED = 0xffff };

/* One value. The nodes of a container's contents follow it directly, in document order;
 * `extent` counts the node and all of these. */
typedef struct {
    const char *key;     /* not terminated; NULL for the root and for elements of arrays */
    const char *text;    /* not terminated; NULL unless a string */
    uint64_t bits;
    uint32_t key_length; /* bytes */
    uint32_t length;
    uint32_t extent;
    uint16_t name;       /* the key's index among the names given at creation, or TSJ_UNNAMED */
    uint8_t kind;
} tsj_node;

enum {
    TSJ_OK = 0,
    TSJ_EMPTY,
    TSJ_MALFORMED,     /* detail: what simdjson says */
    TSJ_NOT_UTF8,
    TSJ_TOO_DEEP,
    TSJ_BAD_NUMBER,
    TSJ_BAD_ESCAPE,    /* half a surrogate pair among them */
    TSJ_DUPLICATE_KEY, /* detail: the key */
    TSJ_TOO_LONG,
    TSJ_OUT_OF_MEMORY
};

/* Pointers are valid until the next call with the same parser. */
typedef struct {
    const tsj_node *nodes; /* nodes[0] is the root; NULL on error */
    size_t count;
    const char *detail;    /* not terminated; may be NULL */
    size_t detail_length;
    int code;
} tsj_document;

/* `names` holds `names_length` bytes: names, each ended by a zero byte, copied; keys equal to one of
 * them carry its index. Returns NULL when memory is short. One thread at a time may use a parser. */
tsj_parser *tsj_create(const char *names, size_t names_length, size_t depth_max);
void tsj_destroy(tsj_parser *parser);

/* Copies the text into the parser's own padded buffer and parses it. */
tsj_document tsj_parse(tsj_parser *parser, const void *text, size_t length);

#ifdef __cplusplus
}
#endif
