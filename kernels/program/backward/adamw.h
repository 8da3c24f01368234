// AdamW (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2; the order of torch.optim.AdamW): t counts updates from 1,
//   p *= 1 - rate * decay;  m += (1 - b1) (g - m);  v = b2 v + (1 - b2) g^2;  p -= rate / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + epsilon)
// The decay is taken from the parameter itself and never enters m or v. f32; 5 reads and 3 writes of memory an element, which is what it costs.
#pragma once
#include <stdint.h>

#include "abi/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qw_adamw {
  float learning_rate, beta1, beta2, epsilon, weight_decay;
} qw_adamw;

#ifdef __cplusplus
}
#endif

namespace qw {

// Update `step` (from 1) of `count` elements; mean and square are zeros before the first. Parallel over elements.
void adamw_update(const qw_adamw& options, int64_t step, bool decays, int64_t count, const float* gradient, float* values, float* mean, float* square, qw_pool* pool);

}  // namespace qw
