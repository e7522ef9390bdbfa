#include "posterior.h"

#include "elementary.h"
#include "lanes.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

enum { STRIDE = POSTERIOR_ACTIVE_MAX };

// MARK: the packed covariance

MULTIVERSION
void posterior_symv(
    int32_t n, const double *S, const double *g, double *y, const double *g2, double *y2) {
    const double *row = S;
    for (int32_t i = 0; i < n; i++) {
        double gi = g[i], hi = g2 ? g2[i] : 0;
        lanes dot = {0}, dot2 = {0};
        int32_t j = 0;
        if (g2) {
            for (; j + 8 <= i; j += 8) {
                lanes s = LOAD(row + j);
                dot += s * LOAD(g + j);
                dot2 += s * LOAD(g2 + j);
                STORE(y + j, LOAD(y + j) + s * gi);
                STORE(y2 + j, LOAD(y2 + j) + s * hi);
            }
        } else {
            for (; j + 8 <= i; j += 8) {
                lanes s = LOAD(row + j);
                dot += s * LOAD(g + j);
                STORE(y + j, LOAD(y + j) + s * gi);
            }
        }
        double d = SUM(dot), d2 = SUM(dot2);
        for (; j < i; j++) {
            d += row[j] * g[j];
            y[j] += row[j] * gi;
            if (g2) {
                d2 += row[j] * g2[j];
                y2[j] += row[j] * hi;
            }
        }
        y[i] = d + row[i] * gi;
        if (g2) y2[i] = d2 + row[i] * hi;
        row += i + 1;
    }
}

void posterior_gather(
    int32_t n, const double *S, int32_t count, const int32_t *index, double *V, int32_t stride) {
    const double *row = S;
    for (int32_t j = 0; j < n; j++) {
        for (int32_t a = 0; a < count; a++) {
            if (index[a] < j) V[(int64_t)a * stride + j] = row[index[a]];
        }
        row += j + 1;
    }
    for (int32_t a = 0; a < count; a++) {
        int64_t i = index[a];
        memcpy(V + (int64_t)a * stride, S + i * (i + 1) / 2, (i + 1) * sizeof(double));
        memset(V + (int64_t)a * stride + n, 0, (stride - n) * sizeof(double));
    }
}

/// t[4][16] = sum over b < count of L[b, 0..<4]' R[b, 0..<16].
INLINE void tile(
    int32_t count, const double *L, int64_t left, const double *R, int64_t right, lanes *t) {
    lanes a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0}, c0 = {0}, c1 = {0}, d0 = {0}, d1 = {0};
    for (int32_t b = 0; b < count; b++, L += left, R += right) {
        lanes r0 = LOAD(R), r1 = LOAD(R + 8);
        a0 += r0 * L[0];
        a1 += r1 * L[0];
        b0 += r0 * L[1];
        b1 += r1 * L[1];
        c0 += r0 * L[2];
        c1 += r1 * L[2];
        d0 += r0 * L[3];
        d1 += r1 * L[3];
    }
    t[0] = a0, t[1] = a1, t[2] = b0, t[3] = b1, t[4] = c0, t[5] = c1, t[6] = d0, t[7] = d1;
}

MULTIVERSION
int32_t posterior_downdate(
    int32_t n, double *S, double *m, int32_t active, const double *V, int32_t stride,
    const double *K, const double *shift, double *work) {
    lanes t[8];
    // work = K V; K's unused rows and columns are zero, so four rows at a time do no harm.
    for (int32_t a = 0; a < active; a += 4) {
        for (int32_t j = 0; j < stride; j += 16) {
            tile(active, K + a, STRIDE, V + j, stride, t);
            for (int32_t r = 0; r < 4 && a + r < active; r++) {
                STORE(work + (int64_t)(a + r) * stride + j, t[2 * r]);
                STORE(work + (int64_t)(a + r) * stride + j + 8, t[2 * r + 1]);
            }
        }
    }
    int32_t bad = 0;
    for (int32_t i = 0; i < n; i += 4) {
        for (int32_t j = 0; j < i + 4 && j < n; j += 16) {
            tile(active, work + i, stride, V + j, stride, t);
            const double *values = (const double *)t;
            for (int32_t r = 0; r < 4 && i + r < n; r++) {
                double *target = S + (int64_t)(i + r) * (i + r + 1) / 2 + j;
                if (j + 15 <= i + r) {
                    STORE(target, LOAD(target) - t[2 * r]);
                    STORE(target + 8, LOAD(target + 8) - t[2 * r + 1]);
                } else {
                    for (int32_t k = 0; j + k <= i + r; k++) target[k] -= values[16 * r + k];
                }
            }
        }
    }
    for (int32_t a = 0; a < active; a++) {
        for (int32_t j = 0; j < n; j++) m[j] += shift[a] * V[(int64_t)a * stride + j];
    }
    for (int64_t i = 0; i < n; i++) {
        double d = S[i * (i + 1) / 2 + i];
        if (!(d > 0 && d < 1e300)) bad++;
    }
    return bad;
}

// MARK: one event

/// out[0..<width] = sum over rows j < count of factor[j] M[j, 0..<width]; width is a multiple of 8.
INLINE void combine(
    int32_t count, const double *factor, const double *M, int32_t width, double *out) {
    for (int32_t c = 0; c < width; c += 32) {
        lanes s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
        const double *row = M + c;
        for (int32_t j = 0; j < count; j++, row += STRIDE) {
            double f = factor[j];
            s0 += LOAD(row) * f;
            s1 += LOAD(row + 8) * f;
            s2 += LOAD(row + 16) * f;
            s3 += LOAD(row + 24) * f;
        }
        STORE(out + c, s0);
        STORE(out + c + 8, s1);
        STORE(out + c + 16, s2);
        STORE(out + c + 24, s3);
    }
}

/// The logit z at which weight (label - p(z)) = (z - mean) / variance.
///
/// The left side falls and the right side rises with z, so there is one, inside the bracket. Newton's
/// step is taken unless it leaves the bracket or is more than half as long as the step before, which
/// is how it would go round in circles far from the mode; then the bracket is halved.
INLINE double label_mode(double mean, double variance, double label, double weight) {
    double low = label >= 1 ? mean : mean - weight * variance;
    double high = label <= 0 ? mean : mean + weight * variance;
    double z = mean, before = INFINITY;
    for (int i = 0; i < 100; i++) {
        double p = elementary_inline_logistic(z);
        double slope = weight * p * (1 - p) + 1 / variance;
        double residual = weight * (label - p) - (z - mean) / variance;
        if (residual > 0) low = z; else high = z;
        double next = z + residual / slope;
        if (!(next >= low && next <= high) || fabs(next - z) > 0.5 * before) {
            next = 0.5 * (low + high);
        }
        before = fabs(next - z);
        z = next;
        if (before <= 1e-12 * (1 + fabs(z))) break;
    }
    return z;
}

double posterior_mode(double mean, double variance, double label, double weight) {
    return label_mode(mean, variance, label, weight);
}

/// The longest step that the limits allow, and which of them it is.
INLINE double longest_step(
    const posterior_limits *limits, double step, double v, double shared, double common,
    int32_t *bound) {
    double rise = step > 0 ? common : -common;
    double room[4] = {
        limits->own, limits->user, step > 0 ? limits->item_up : limits->item_down,
        rise > 0 ? limits->common_up : limits->common_down,
    };
    double moved[4] = {v, shared, shared, fabs(rise)};
    double longest = INFINITY;
    for (int i = 0; i < 4; i++) {
        if (!(moved[i] > 0) || room[i] == INFINITY) continue;
        double most = room[i] > 0 ? room[i] / moved[i] : 0;
        if (most < longest) {
            longest = most;
            *bound = POSTERIOR_BOUND_OWN + i;
        }
    }
    return longest;
}

MULTIVERSION
int32_t posterior_learn(
    int32_t active, const double *prior, double *K, double *mean, double *shift,
    int32_t core_count, const int32_t *position, const double *core_value,
    int32_t tail_count, const int32_t *cell, const uint8_t *group, const double *tail_value,
    double *precision, double *eta, const double *tau,
    const posterior_owners *owners, double offset, double label, double weight, double noise,
    const posterior_limits *limits, double *scratch, double *outcome) {
    double *g = scratch, *x = g + STRIDE, *u = x + STRIDE, *w = u + STRIDE, *k = w + STRIDE;
    int32_t width = (active + 31) & ~31;

    // g = S x over the block's start; x~ = x - K g; u = S x~ is the present covariance times x.
    for (int32_t c = 0; c < width; c += 32) {
        lanes s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
        for (int32_t r = 0; r < core_count; r++) {
            const double *row = prior + (int64_t)position[r] * STRIDE + c;
            double f = core_value[r];
            s0 += LOAD(row) * f;
            s1 += LOAD(row + 8) * f;
            s2 += LOAD(row + 16) * f;
            s3 += LOAD(row + 24) * f;
        }
        STORE(g + c, s0);
        STORE(g + c + 8, s1);
        STORE(g + c + 16, s2);
        STORE(g + c + 24, s3);
    }
    combine(active, g, K, width, x);
    for (int32_t a = 0; a < width; a += 8) STORE(x + a, -LOAD(x + a));
    for (int32_t r = 0; r < core_count; r++) x[position[r]] += core_value[r];
    combine(active, x, prior, width, u);

    double mu = offset, v = 0;
    for (int32_t r = 0; r < core_count; r++) {
        mu += core_value[r] * mean[position[r]];
        v += core_value[r] * u[position[r]];
    }
    int32_t item = owners->item_entry;
    double shared = v, common = v - core_value[item] * u[position[item]];
    for (int32_t r = 0; r < tail_count; r++) {
        double t = tau[group[r]], f = tail_value[r];
        if (cell[r] < 0) {
            k[r] = 1 / t;
        } else {
            k[r] = 1 / (t + precision[cell[r]]);
            mu += f * (eta[cell[r]] * k[r]);
            double spread = f * f * k[r];
            int is_user = owners->user >> group[r] & 1, is_item = owners->item >> group[r] & 1;
            if (!is_user) shared += spread;
            if (!is_user && !is_item) common += spread;
        }
        v += f * f * k[r];
    }
    if (v < 1e-9) v = 1e-9;
    outcome[POSTERIOR_MEAN] = mu;
    outcome[POSTERIOR_VARIANCE] = v;
    outcome[POSTERIOR_STEP] = outcome[POSTERIOR_CURVATURE] = 0;
    outcome[POSTERIOR_SHARED] = shared;
    outcome[POSTERIOR_COMMON] = common;
    outcome[POSTERIOR_WEIGHT] = 0;
    if (!(fabs(mu) < 1e300 && v < 1e300 && weight > 0)) return POSTERIOR_NOT_FINITE;

    // The label's mode; what is expected of the label there; and the step.
    double z = noise > 0 ? mu + v * weight * (label - mu) / (noise + v * weight)
        : label_mode(mu, v, label, weight);
    double p = noise > 0 ? z : elementary_inline_logistic(z), step = (z - mu) / v;
    int32_t bound = POSTERIOR_LEARNED;
    double longest = longest_step(limits, step, v, shared, common, &bound);
    if (fabs(step) > longest) {
        if (!(longest > 0)) return bound;
        step = step > 0 ? longest : -longest;
        z = mu + step * v;
        p = noise > 0 ? z : elementary_inline_logistic(z);
        // The weight under which this is the mode.
        weight = step * (noise > 0 ? noise : 1) / (label - p);
    } else {
        bound = POSTERIOR_LEARNED;
    }
    double l = noise > 0 ? weight / noise : weight * p * (1 - p), curvature = l / (1 + l * v);
    outcome[POSTERIOR_STEP] = step;
    outcome[POSTERIOR_CURVATURE] = curvature;
    outcome[POSTERIOR_WEIGHT] = weight;
    for (int32_t r = 0; r < tail_count; r++) {
        int32_t h = cell[r];
        if (h < 0) continue;
        double f = tail_value[r], total = tau[group[r]] + precision[h];
        double kf = k[r] * f, q = curvature * kf * f;
        double grown = total * (q / (1 - q));
        eta[h] = (eta[h] * k[r] + step * kf) * (total + grown);
        precision[h] += grown;
    }
    double root = sqrt(curvature);
    for (int32_t a = 0; a < width; a += 8) {
        STORE(mean + a, LOAD(mean + a) + LOAD(u + a) * step);
        STORE(shift + a, LOAD(shift + a) + LOAD(x + a) * step);
        STORE(w + a, LOAD(x + a) * root);
    }
    // w w' is symmetric to the bit, and so K stays.
    for (int32_t a = 0; a < active; a++) {
        double f = w[a];
        double *row = K + (int64_t)a * STRIDE;
        for (int32_t b = 0; b < width; b += 8) STORE(row + b, LOAD(row + b) + LOAD(w + b) * f);
    }
    return bound;
}

// MARK: predictions that change nothing

void posterior_support(
    int32_t n, const double *S, int32_t active, const int32_t *A, int32_t count,
    const int32_t *index, const double *extra, double *G, double *Y) {
    for (int32_t r = 0; r < count; r++) {
        int64_t i = index[r];
        double *y = Y + (int64_t)r * STRIDE;
        for (int32_t a = 0; a < active; a++) {
            int64_t j = A[a];
            y[a] = i < 0 ? extra[j] : i > j ? S[i * (i + 1) / 2 + j] : S[j * (j + 1) / 2 + i];
        }
        for (int32_t a = active; a < STRIDE; a++) y[a] = 0;
        for (int32_t q = 0; q <= r; q++) {
            int64_t j = index[q];
            double s = i < 0 ? extra[j < 0 ? n : j]
                : j < 0 ? extra[i]
                : i > j ? S[i * (i + 1) / 2 + j] : S[j * (j + 1) / 2 + i];
            G[(int64_t)r * count + q] = s;
            G[(int64_t)q * count + r] = s;
        }
    }
}

/// x' G y.
INLINE double form(int32_t count, const double *G, const double *x, const double *y) {
    double v = 0;
    for (int32_t r = 0; r < count; r++) {
        double s = 0;
        for (int32_t q = 0; q < count; q++) s += G[(int64_t)r * count + q] * y[q];
        v += x[r] * s;
    }
    return v;
}

INLINE double product(int32_t count, const double *a, const double *b) {
    double sum = 0;
    for (int32_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

MULTIVERSION
double posterior_variance(
    int32_t active, const double *K, int32_t count, const double *G, const double *Y,
    const double *x, double *scratch) {
    double *y = scratch, *z = y + STRIDE;
    int32_t width = (active + 31) & ~31;
    combine(count, x, Y, width, y);
    combine(active, y, K, width, z);
    return form(count, G, x, x) - product(active, y, z);
}

MULTIVERSION
void posterior_covariance(
    int32_t active, const double *K, int32_t count, const double *G, const double *Y,
    const double *x1, const double *x2, double *scratch, double *out) {
    double *y1 = scratch, *z1 = y1 + STRIDE, *y2 = z1 + STRIDE, *z2 = y2 + STRIDE;
    int32_t width = (active + 31) & ~31;
    combine(count, x1, Y, width, y1);
    combine(count, x2, Y, width, y2);
    combine(active, y1, K, width, z1);
    combine(active, y2, K, width, z2);
    out[0] = form(count, G, x1, x1) - product(active, y1, z1);
    out[1] = form(count, G, x2, x2) - product(active, y2, z2);
    out[2] = form(count, G, x1, x2) - product(active, y1, z2);
}

MULTIVERSION
int32_t posterior_is_definite(int32_t n, const double *S, double *work) {
    // Cholesky by rows of the packed triangle: L[i,j] = (S[i,j] - L[i,:j] . L[j,:j]) / L[j,j].
    double *row = work;
    for (int32_t i = 0; i < n; i++) {
        const double *source = S + (int64_t)i * (i + 1) / 2;
        const double *other = work;
        for (int32_t j = 0; j <= i; j++) {
            lanes dot = {0};
            int32_t k = 0;
            for (; k + 8 <= j; k += 8) dot += LOAD(row + k) * LOAD(other + k);
            double s = SUM(dot);
            for (; k < j; k++) s += row[k] * other[k];
            double rest = source[j] - s;
            if (j < i) {
                row[j] = rest / other[j];
            } else {
                if (!(rest > 0)) return 0;
                row[j] = sqrt(rest);
            }
            other += j + 1;
        }
        row += i + 1;
    }
    return 1;
}
