// Rotary position embedding of head vectors, half-split pairs (i, i + half), in place. Elements of a head from 2 * half on stay as they are
// (partial rotary: GPT-NeoX, Phi):
//   x'[i]          = x[i] cos - x[i + half] sin
//   x'[i + half]   = x[i + half] cos + x[i] sin        angle = f32(position * inverseFrequency[i])
// The angle is rounded to f32 and cos and sin are taken of that f32, as the reference implementation of Llama does.
#pragma once
#include <stdint.h>

#include "abi/pool.h"

// table [count, 2 * half]: for each of the positions [count] its cosines, then its sines, both times attention_scale.
// One table serves q and k of every layer.
extern "C" void qw_rope_table(const float* inverse_frequency, int64_t half, const int64_t* positions, int64_t count, float attention_scale, float* table,
                              qw_pool* pool);
// x [rows, heads, head_dim]; row r uses row r of the table. 2 * half <= head_dim.
extern "C" void qw_rope(float* x, int64_t rows, int64_t heads, int64_t head_dim, int64_t half, const float* table, qw_pool* pool);

namespace qw {
using RopeRow = void(float* x, int64_t heads, int64_t head_dim, int64_t half, const float* cosines, const float* sines);
RopeRow rope_serial, rope_avx2, rope_avx512, rope_neon;
}  // namespace qw
