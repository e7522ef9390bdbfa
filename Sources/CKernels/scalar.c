#include "CKernels.h"
#include <string.h>

#pragma STDC FP_CONTRACT OFF

/* Both functions follow fdlibm (Sun Microsystems 1993: e_exp.c, e_log.c): only additions,
 * multiplications and divisions of IEEE doubles in a fixed order, hence the same bits on every
 * machine. The C library's own change with its version and with the processor. */

static const double ln2_high = 6.93147180369123816490e-01;
static const double ln2_low = 1.90821492927058770002e-10;

static uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* x * 2^n in two factors, so that a subnormal result is rounded once. */
static double scaled(double x, int n) {
    int half = n / 2;
    return x * double_of((uint64_t)(1023 + half) << 52)
           * double_of((uint64_t)(1023 + n - half) << 52);
}

double tk_exp(double x) {
    if (x != x) return x;
    if (x > 709.782712893383973096) return double_of(0x7ff0000000000000u);
    if (x < -745.13321910194110842) return 0.0;
    double magnitude = x < 0 ? -x : x;
    int n = 0;
    double high = x, low = 0;
    if (magnitude > 0.34657359027997264) {
        n = (int)(1.44269504088896338700 * x + (x < 0 ? -0.5 : 0.5));
        high = x - n * ln2_high;
        low = n * ln2_low;
        x = high - low;
    } else if (magnitude < 3.7252902984619140625e-09) {
        return 1.0 + x;
    }
    double t = x * x;
    double p = 1.66666666666666019037e-01
               + t * (-2.77777777770155933842e-03
                      + t * (6.61375632143793436117e-05
                             + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08)));
    double c = x - t * p;
    double y = 1.0 - ((low - (x * c) / (2.0 - c)) - high);
    return n == 0 ? y : scaled(y, n);
}

double tk_log(double x) {
    uint64_t bits = bits_of(x);
    if (x != x || bits == 0x7ff0000000000000u) return x;
    if (x == 0) return double_of(0xfff0000000000000u);
    if (bits >> 63) return double_of(0x7ff8000000000000u);
    int k = 0;
    if (bits < 0x0010000000000000u) {
        k -= 54;
        bits = bits_of(x * 18014398509481984.0);
    }
    /* Reduces to [sqrt(2)/2, sqrt(2)). */
    uint32_t top = (uint32_t)(bits >> 32) + (0x3ff00000 - 0x3fe6a09e);
    k += (int)(top >> 20) - 1023;
    top = (top & 0x000fffff) + 0x3fe6a09e;
    double f = double_of((uint64_t)top << 32 | (bits & 0xffffffffu)) - 1.0;
    double half_square = 0.5 * f * f;
    double s = f / (2.0 + f);
    double z = s * s;
    double w = z * z;
    double odd = w * (3.999999999940941908e-01
                      + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    double even = z * (6.666666666666735130e-01
                       + w * (2.857142874366239149e-01
                              + w * (1.818357216161805012e-01 + w * 1.479819860510658591e-01)));
    double r = odd + even;
    return s * (half_square + r) + k * ln2_low - half_square + f + k * ln2_high;
}
