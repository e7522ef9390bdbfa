/* Sixteen floats at a time: loads and stores that may be partial, sums in a fixed order. */

#define INLINE static inline __attribute__((always_inline))

/* Runs the statements for `count` elements from 0 on, in blocks of `n` that start at `j`: sixteen
 * each, known to the compiler, and what is left over in a copy of its own. */
#define EACH_BLOCK(j, n, count, ...)                                                              \
    do {                                                                                          \
        size_t j = 0;                                                                             \
        for (; j + width <= (count); j += width) {                                                \
            enum { n = width };                                                                   \
            __VA_ARGS__                                                                           \
        }                                                                                         \
        if (j < (count)) {                                                                        \
            const size_t n = (count) - j;                                                         \
            __VA_ARGS__                                                                           \
        }                                                                                         \
    } while (0)

INLINE lanes LEVEL(splat)(float x) {
    return (lanes){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}

INLINE lanes LEVEL(load)(const float *p, size_t n) {
    lanes v;
    if (n == width) {
        memcpy(&v, p, sizeof v);
    } else {
        v = LEVEL(splat)(0);
        memcpy(&v, p, n * sizeof *p);
    }
    return v;
}

INLINE void LEVEL(store)(float *p, lanes v, size_t n) {
    memcpy(p, &v, (n == width ? width : n) * sizeof *p);
}

INLINE lanes LEVEL(select)(ilanes mask, lanes yes, lanes no) {
    return (lanes)(((ilanes)yes & mask) | ((ilanes)no & ~mask));
}

/* All bits set in the first n lanes. */
INLINE ilanes LEVEL(first)(size_t n) {
    ilanes index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    int32_t m = (int32_t)n;
    return index < (ilanes){m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m};
}

/* The upper half of the first `2 * half` lanes, at their bottom. */
#define UPPER(v, half)                                                                            \
    __builtin_shufflevector(v, v, UPPER_##half, -1, -1, -1, -1, -1, -1, -1, -1)
#define UPPER_8 8, 9, 10, 11, 12, 13, 14, 15
#define UPPER_4 4, 5, 6, 7, -1, -1, -1, -1
#define UPPER_2 2, 3, -1, -1, -1, -1, -1, -1

/* Lanes 16 to 8 to 4 to 2 to 1: one order, whatever the registers. */
INLINE float LEVEL(sum)(lanes v) {
    v += UPPER(v, 8);
    v += UPPER(v, 4);
    v += UPPER(v, 2);
    return v[0] + v[1];
}

INLINE float LEVEL(largest)(lanes v) {
#define LARGER(u, w) LEVEL(select)((u) > (w), u, w)
    v = LARGER(v, UPPER(v, 8));
    v = LARGER(v, UPPER(v, 4));
    v = LARGER(v, UPPER(v, 2));
    return v[0] > v[1] ? v[0] : v[1];
#undef LARGER
}
#undef UPPER
#undef UPPER_8
#undef UPPER_4
#undef UPPER_2

INLINE lanes LEVEL(absolute)(lanes v) { return (lanes)((ilanes)v & 0x7fffffff); }

INLINE lanes LEVEL(with_sign)(lanes magnitude, lanes sign) {
    return (lanes)((ilanes)magnitude | ((ilanes)sign & (int32_t)0x80000000));
}
