// What the kernels' files share: builds for several processors, and vectors of eight doubles.

#ifndef LANES_H
#define LANES_H

#if defined(__x86_64__)
#define MULTIVERSION \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif
#define INLINE static inline __attribute__((always_inline))

// Eight lanes, however wide the machine's registers are: the order of every sum stays the same.
typedef double lanes __attribute__((vector_size(64), aligned(8)));
typedef float lanesf __attribute__((vector_size(32), aligned(4)));

#define LOAD(p) (*(const lanes *)(p))
#define STORE(p, v) (*(lanes *)(p) = (v))
#define SUM(v) (((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7])))

#endif
