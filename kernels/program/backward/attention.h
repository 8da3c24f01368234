// Gradients of causal attention over one whole sequence (attention/attention.h): probabilities are made anew from q and k, a block of rows at a time.
//   dv_j = sum_t p_tj do_t;   dp_tj = do_t v_j;   ds = p (dp - sum p dp) (1 - (s / cap)^2) scale;   dq_t = sum_j ds_tj k_j;   dk_j = sum_t ds_tj q_t
//
// A task is one KV head with the query heads that share it; a block is 64 rows of one query head against the keys that it sees. All five products run on the
// panel microkernel (linear/panel): keys and values are laid out as panels once a task, rows of the block once a block.
// Cost: 5 n^2 head_dim multiply-adds a head where half of n^2 is visible, n^2 / 2 exponentials; scratch of a thread 4 n head_dim + 192 n floats.
#pragma once
#include <stdint.h>

#include "abi/pool.h"

namespace qw {

struct AttentionGradient {
  int64_t rows, heads, kv_heads, head_dim;
  float scale;
  int64_t window;  // 0: every earlier key is visible
  float cap;       // 0: none
  const float *q, *k, *v, *dout;  // [rows, heads * head_dim], [rows, kv_heads * head_dim]
  float *dq, *dk, *dv;            // added to
};

int64_t attention_gradient_scratch(const AttentionGradient& shape, int threads);  // f32 elements
void attention_gradient(const AttentionGradient& job, float* scratch, qw_pool* pool);

}  // namespace qw
