/* The text of the kernels, compiled once a level: `LEVEL(name)` is the level's own name.
 * Split by subject; each file is included by this one alone. */

#include "body/lanes.h"
#include "body/functions.h"
#include "body/activation.h"
#include "body/normalization.h"
#include "body/attention.h"
#include "body/product.h"
#include "body/fused.h"
#include "body/lowrank.h"
#include "body/pooling.h"
#include "body/optimizer.h"

static const tk_kernels LEVEL(table) = {
    .activate = LEVEL(activate),
    .activate_backward = LEVEL(activate_backward),
    .activate_fused = LEVEL(activate_fused),
    .activate_backward_fused = LEVEL(activate_backward_fused),
    .add_bias = LEVEL(add_bias),
    .normalize = LEVEL(normalize),
    .normalize_backward = LEVEL(normalize_backward),
    .softmax = LEVEL(softmax),
    .softmax_backward = LEVEL(softmax_backward),
    .embed = LEVEL(embed),
    .multiply_small = LEVEL(multiply_small),
    .transpose = LEVEL(transpose),
    .multiply_fused = LEVEL(multiply_fused),
    .multiply_panels = LEVEL(multiply_panels),
    .pack = LEVEL(pack),
    .pack_transposed = LEVEL(pack_transposed),
    .project = LEVEL(project),
    .expand = LEVEL(expand),
    .outer = LEVEL(outer),
    .dropout = LEVEL(dropout),
    .dropout_backward_add = LEVEL(dropout_backward_add),
    .mean = LEVEL(mean),
    .mean_backward = LEVEL(mean_backward),
    .greatest = LEVEL(greatest),
    .unit = LEVEL(unit),
    .unit_backward = LEVEL(unit_backward),
    .add = LEVEL(add),
    .scale = LEVEL(scale),
    .sum_of_squares = LEVEL(sum_of_squares),
    .adamw = LEVEL(adamw),
};
