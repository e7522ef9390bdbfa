// Numerical kernels of the Gaussian response head.
//
// Every function gives the same bits on every x86-64 machine: sums have a fixed order, nothing is
// contracted into fused multiply-adds, and exp is `CElementary`'s.
//
// Shapes: N entries of the core; A active entries of the present block (at most
// POSTERIOR_ACTIVE_MAX, which is also the row stride of the A x A matrices, whose unused part is
// zero). S is the lower triangle of the covariance, packed by rows: row i starts at i(i+1)/2.

#ifndef TIDEMARK_POSTERIOR_H
#define TIDEMARK_POSTERIOR_H

#include <stdint.h>

enum { POSTERIOR_ACTIVE_MAX = 128 };

/// y = S g. With g2 and y2 not null, y2 = S g2 in the same pass.
void posterior_symv(
    int32_t n, const double *S, const double *g, double *y, const double *g2, double *y2);

/// V[a, 0..<n] = row index[a] of the symmetric S; rows of V are `stride` apart.
void posterior_gather(
    int32_t n, const double *S, int32_t count, const int32_t *index, double *V, int32_t stride);

/// S -= V' K V and m += V' shift, the end of a block.
///
/// V (A x stride) is made by posterior_gather and padded with zeros; `work` is as large as V.
/// `stride` is a multiple of 16. Returns the count of diagonal entries that are not positive and
/// finite afterwards.
int32_t posterior_downdate(
    int32_t n, double *S, double *m, int32_t active, const double *V, int32_t stride,
    const double *K, const double *shift, double *work);

/// How far one event may move predictions, on the logit scale; INFINITY where there is no bound.
typedef struct {
    /// Its own prediction.
    double own;
    /// The part of it that others share, for its user.
    double user;
    /// The same part, for its item, and what other items share of it, up and down.
    double item_up, item_down;
    double common_up, common_down;
} posterior_limits;

/// Whose the effects are that one event touches: bit g of a mask stands for the tail's group g. Of
/// the core all is shared by all, but for the item's own entry.
typedef struct {
    /// Groups of the event's user alone.
    uint32_t user;
    /// Groups of the event's item alone.
    uint32_t item;
    /// Which of the event's core entries is its item's.
    int32_t item_entry;
} posterior_owners;

/// What posterior_learn returns: nothing was learned, all of it, or as much as a bound allowed.
enum {
    POSTERIOR_NOT_FINITE = 0,
    POSTERIOR_LEARNED = 1,
    POSTERIOR_BOUND_OWN,
    POSTERIOR_BOUND_USER,
    POSTERIOR_BOUND_ITEM,
    POSTERIOR_BOUND_COMMON,
};

/// What posterior_learn tells, as indices of `outcome`.
enum {
    /// The logit's mean and variance before.
    POSTERIOR_MEAN,
    POSTERIOR_VARIANCE,
    POSTERIOR_STEP,
    POSTERIOR_CURVATURE,
    /// Covariance of the logit with what other users share of it, and of that with what other items
    /// do: times the step, how far these move.
    POSTERIOR_SHARED,
    POSTERIOR_COMMON,
    /// The weight that was learned; smaller than the one asked for where a bound was met.
    POSTERIOR_WEIGHT,
    POSTERIOR_OUTCOME_COUNT,
};

/// The logit z at which weight (label - p(z)) = (z - mean) / variance: the mode of a label in [0, 1]
/// with a logistic likelihood of that weight under a normal prior of positive variance.
double posterior_mode(double mean, double variance, double label, double weight);

/// One event: predicts, then moves the posterior to the one that the label gives.
///
/// prior (A x A) is the covariance of the active entries at the block's start; K and shift hold
/// what the block has learned so far: covariance S - S[:,A] K S[A,:], mean m + S[:,A] shift.
/// mean (A) is the present mean of the active entries. A tail cell of -1 is one that is not kept:
/// its effect is at the prior and learns nothing. `offset` is known and added to the row's sum. With
/// `noise` 0 the label is in [0, 1] and its
/// likelihood logistic; above, it is any number, normal about the row's sum with that variance. Where the label would move more than `limits`
/// allow, it is learned with the smaller weight that moves just as much. scratch holds 4 A + tail_count doubles.
int32_t posterior_learn(
    int32_t active, const double *prior, double *K, double *mean, double *shift,
    int32_t core_count, const int32_t *position, const double *core_value,
    int32_t tail_count, const int32_t *cell, const uint8_t *group, const double *tail_value,
    double *precision, double *eta, const double *tau,
    const posterior_owners *owners, double offset, double label, double weight, double noise,
    const posterior_limits *limits, double *scratch, double *outcome);

/// y[a, r] for support entry r = S[A[a], index[r]], as rows of Y (count x POSTERIOR_ACTIVE_MAX),
/// and G (count x count) = S[index, index]. An index of -1 is the row `extra` (N + 1 values, the
/// last one its own variance).
void posterior_support(
    int32_t n, const double *S, int32_t active, const int32_t *A, int32_t count,
    const int32_t *index, const double *extra, double *G, double *Y);

/// x' (G - Y' K Y) x, the variance of a combination of support entries.
double posterior_variance(
    int32_t active, const double *K, int32_t count, const double *G, const double *Y,
    const double *x, double *scratch);

/// The variances of two combinations x1 and x2 as out[0] and out[1], and their covariance as out[2].
/// scratch holds 4 POSTERIOR_ACTIVE_MAX doubles.
void posterior_covariance(
    int32_t active, const double *K, int32_t count, const double *G, const double *Y,
    const double *x1, const double *x2, double *scratch, double *out);

/// out[r] = vectors[r] . e for `count` rows of `dimension` floats.
void posterior_similarity(
    int32_t dimension, int32_t count, const float *vectors, const float *e, double *out);

/// target[0..<dimension] -= weight * vector.
void posterior_subtract(int32_t dimension, double weight, const float *vector, double *target);

/// Solves M x = b, where M[i, j] = kernel[index[i], index[j]] (rows `stride` apart, symmetric) and
/// M[i, i] = diagonal; b (n) becomes x. `work` holds n * n doubles. Returns 0 when M is not
/// positive definite.
int32_t posterior_condition(
    int32_t n, const int32_t *index, const double *kernel, int32_t stride, double diagonal,
    double *work, double *b);

/// Whether the packed S is positive definite; `work` is as large as S.
int32_t posterior_is_definite(int32_t n, const double *S, double *work);

/// Sums by group over `count` cells of which each holds precision lambda and eta:
/// gamma[g] += 1 - tau[g] v, square[g] += (eta v)^2, with v = 1 / (tau[g] + lambda).
/// Cells with lambda = 0 are left out.
void posterior_group_sums(
    int64_t count, const double *precision, const double *eta, const uint8_t *group,
    const double *tau, double *gamma, double *square);

/// How much likelier all that was learned becomes where the prior precision of n entries, of prior mean
/// 0, grows by `change` (which may be negative), but for the prior's own normalisation of
/// n/2 ln(1 + change * prior variance). Units: nats.
///
/// covariance (n x n, symmetric) and mean (n) are their posterior; work holds n (n + 1) doubles. NAN
/// where no such posterior exists.
double posterior_prior_evidence(
    int32_t n, const double *covariance, const double *mean, double change, double *work);

/// Adds `change` to the prior precision of every active entry, as if each were seen once more (or once
/// less) to be 0. Arguments as of posterior_learn; scratch holds 2 POSTERIOR_ACTIVE_MAX doubles.
/// Returns 0, with the block half changed, where no such posterior exists.
int32_t posterior_reweigh(
    int32_t active, const double *prior, double *K, double *mean, double *shift, double change,
    double *scratch);

#endif
