// One block of at most 128 columns for 32 rows at once, per instruction set. All levels give the same bits: lanes are rows, and the f32
// operations are the same (no FMA).
//
//   for column i:  code = clamp(rint(w[i] / scale) + zero, 0, top),  error = (w[i] - scale (code - zero)) / U[i, i]
//                  w[j] -= error U[i, j]  for the columns j > i of the block
//
// Cost: 128^2 / 2 steps of a broadcast, two (AVX-512), four (AVX2) or eight (NEON) loads, stores and multiply-subtracts, all in L1 (16 KiB of w).
#pragma once
#include <stdint.h>

typedef struct qw_gptq_block {
  int64_t count;         // columns
  const float* upper;    // U of the block: panels of 32 columns, [count][32] each
  const float* const* scale;  // [count]: 32 scales of the group of that column
  const float* const* zero;   // [count]
  float top;             // 2^bits - 1
  float* w;              // [count][32] in; destroyed
  float* codes;          // [count][32] out
  float* minus_error;    // [count][32] out: what the later columns are moved by, times their U
  float* loss;           // [32] += error^2
} qw_gptq_block;

namespace qw {

using GptqBlock = void(const qw_gptq_block& block);
GptqBlock gptq_block_serial, gptq_block_neon, gptq_block_avx2, gptq_block_avx512;

}  // namespace qw
