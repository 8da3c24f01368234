// Scores and sums of values of up to kKvFewRows rows straight from packed codes. Included only by neon.cc, avx2.cc and avx512.cc files.
// They give the bits that unpacking a block and attending to it gives: products are summed in the same order with the same roundings.
#pragma once
#include "kv/few_rows.h"
#include "kv/lanes.h"

namespace {

constexpr int kScoreBlocks = kLanes == 16 ? 2 : 1, kValuePacks = kLanes == 16 ? 4 : 1;

// load(block, d, x): 16 positions of channel d.
template <int R, int B, typename Load>
void score_blocks(const Load& load, int64_t block, int64_t dim, const float* const* q, float* out) {
  f32v sums[R][B][kKvVectors];
  for (int r = 0; r < R; ++r) {
    for (int b = 0; b < B; ++b) {
      for (int v = 0; v < kKvVectors; ++v) sums[r][b][v] = zero();
    }
  }
  for (int64_t d = 0; d < dim; ++d) {
    f32v x[B][kKvVectors];
    for (int b = 0; b < B; ++b) load(block + b, d, x[b]);
    for (int r = 0; r < R; ++r) {
      const f32v factor = all(q[r][d]);
      for (int b = 0; b < B; ++b) {
        for (int v = 0; v < kKvVectors; ++v) sums[r][b][v] = fma(factor, x[b][v], sums[r][b][v]);
      }
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int b = 0; b < B; ++b) {
      for (int v = 0; v < kKvVectors; ++v) store(out + r * qw::kKvRowStride + (block + b) * 16 + v * kLanes, sums[r][b][v]);
    }
  }
}

template <int R, typename Load>
void score_all(const Load& load, int64_t blocks, int64_t dim, const float* const* q, float* out) {
  int64_t b = 0;
  for (; b + kScoreBlocks <= blocks; b += kScoreBlocks) score_blocks<R, kScoreBlocks>(load, b, dim, q, out);
  for (; b < blocks; ++b) score_blocks<R, 1>(load, b, dim, q, out);
}

template <typename Load>
void fused_scores(const Load& load, int64_t blocks, int64_t dim, const qw::KvRows& rows) {
  if (rows.count == 1) score_all<1>(load, blocks, dim, rows.q, rows.scores);
  if (rows.count == 2) score_all<2>(load, blocks, dim, rows.q, rows.scores);
  if (rows.count == 3) score_all<3>(load, blocks, dim, rows.q, rows.scores);
  if (rows.count == 4) score_all<4>(load, blocks, dim, rows.q, rows.scores);
}

// load(j, pack, x): 16 channels of position j.
template <int R, int P, typename Load>
void add_packs(const Load& load, int64_t positions, int64_t pack, const float* weights, float* out, int64_t stride) {
  f32v sums[R][P][kKvVectors];
  for (int r = 0; r < R; ++r) {
    for (int p = 0; p < P; ++p) {
      for (int v = 0; v < kKvVectors; ++v) sums[r][p][v] = ::load(out + r * stride + (pack + p) * 16 + v * kLanes);
    }
  }
  for (int64_t j = 0; j < positions; ++j) {
    f32v x[P][kKvVectors];
    for (int p = 0; p < P; ++p) load(j, pack + p, x[p]);
    for (int r = 0; r < R; ++r) {
      const f32v weight = all(weights[r * qw::kKvRowStride + j]);
      for (int p = 0; p < P; ++p) {
        for (int v = 0; v < kKvVectors; ++v) sums[r][p][v] = fma(weight, x[p][v], sums[r][p][v]);
      }
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int p = 0; p < P; ++p) {
      for (int v = 0; v < kKvVectors; ++v) ::store(out + r * stride + (pack + p) * 16 + v * kLanes, sums[r][p][v]);
    }
  }
}

template <int R, typename Load>
void add_all(const Load& load, int64_t positions, int64_t packs, const float* weights, float* out) {
  int64_t p = 0;
  for (; p + kValuePacks <= packs; p += kValuePacks) add_packs<R, kValuePacks>(load, positions, p, weights, out, packs * 16);
  for (; p < packs; ++p) add_packs<R, 1>(load, positions, p, weights, out, packs * 16);
}

template <typename Load>
void fused_values(const Load& load, int64_t positions, int64_t packs, const qw::KvSums& rows) {
  if (rows.count == 1) add_all<1>(load, positions, packs, rows.weights, rows.out);
  if (rows.count == 2) add_all<2>(load, positions, packs, rows.weights, rows.out);
  if (rows.count == 3) add_all<3>(load, positions, packs, rows.weights, rows.out);
  if (rows.count == 4) add_all<4>(load, positions, packs, rows.weights, rows.out);
}

}  // namespace
