// Exponential and logarithm from additions, multiplications and divisions of IEEE doubles alone, in
// a fixed order: the same bits on every machine. The C library's own change with its version and
// with the processor.
//
// The functions are inline for kernels, which must not call out of their loops. Everyone else calls
// the two at the end.

#ifndef ELEMENTARY_H
#define ELEMENTARY_H

#include <stdint.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

#define ELEMENTARY_INLINE static inline __attribute__((always_inline))

/// e^x, within one unit in the last place; 0 below -708, e^708 above 708.
ELEMENTARY_INLINE double elementary_inline_exp(double x) {
    if (x > 708) x = 708;
    if (!(x >= -708)) return x != x ? x : 0;
    const double shift = 0x1.8p52;
    double k = (x * 0x1.71547652b82fep0 + shift) - shift;
    double r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
    // Taylor to the 13th power: below 1e-17 for |r| <= ln(2)/2. Estrin's order, for speed.
    double r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
    double q0 = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
    double q1 = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
    double q2 = (1.0 / 3628800 + r * (1.0 / 39916800))
        + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800));
    double e = 1 + (r + r2 * ((q0 + r4 * q1) + r8 * q2));
    int64_t bits = ((int64_t)k + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return e * scale;
}

/// 1 / (1 + e^-z).
ELEMENTARY_INLINE double elementary_inline_logistic(double z) {
    return 1 / (1 + elementary_inline_exp(-z));
}

/// e^x, as above.
double elementary_exp(double x);

/// Natural logarithm of a positive, normal, finite x, within one unit in the last place.
double elementary_log(double x);

#endif
