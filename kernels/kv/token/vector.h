// The kernels of token.h for the vector width of the including file.
#pragma once
#include "kv/fused.h"
#include "kv/token/token.h"

namespace {

using qw::TokenCode;

template <TokenCode kCode>
inline void load16(const uint8_t* packed, f32v (&x)[kKvVectors]) {
  if constexpr (kCode == TokenCode::F8) {
    fp8_16(packed, x);
  } else {
    codes_f32<kCode == TokenCode::U8 ? 8 : 4>(packed, x);
  }
}

template <TokenCode kCode>
constexpr int64_t kPackBytes = kCode == TokenCode::U4 ? 8 : 16;

template <TokenCode kCode>
void keys16(const uint8_t* codes, const float* scales, const float* zeros, int64_t head_dim, float* out) {
  f32v scale[kKvVectors], zero[kKvVectors];
  for (int v = 0; v < kKvVectors; ++v) {
    scale[v] = load(scales + v * kLanes);
    zero[v] = load(zeros + v * kLanes);
  }
  for (int64_t d = 0; d < head_dim; ++d, codes += kPackBytes<kCode>, out += 16) {
    f32v x[kKvVectors];
    load16<kCode>(codes, x);
    for (int v = 0; v < kKvVectors; ++v) store(out + v * kLanes, mul(kCode == TokenCode::F8 ? x[v] : sub(x[v], zero[v]), scale[v]));
  }
}

template <TokenCode kCode>
void values16(const uint8_t* codes, float scale, float zero, int64_t packs, float* out) {
  for (int64_t p = 0; p < packs; ++p, codes += kPackBytes<kCode>, out += 16) {
    f32v x[kKvVectors];
    load16<kCode>(codes, x);
    for (int v = 0; v < kKvVectors; ++v) store(out + v * kLanes, mul(kCode == TokenCode::F8 ? x[v] : sub(x[v], all(zero)), all(scale)));
  }
}

inline void token_keys(TokenCode code, const uint8_t* codes, const float* scales, const float* zeros, int64_t head_dim, float* out) {
  if (code == TokenCode::U8) keys16<TokenCode::U8>(codes, scales, zeros, head_dim, out);
  if (code == TokenCode::U4) keys16<TokenCode::U4>(codes, scales, zeros, head_dim, out);
  if (code == TokenCode::F8) keys16<TokenCode::F8>(codes, scales, zeros, head_dim, out);
}

inline void token_values(TokenCode code, const uint8_t* codes, float scale, float zero, int64_t packs, float* out) {
  if (code == TokenCode::U8) values16<TokenCode::U8>(codes, scale, zero, packs, out);
  if (code == TokenCode::U4) values16<TokenCode::U4>(codes, scale, zero, packs, out);
  if (code == TokenCode::F8) values16<TokenCode::F8>(codes, scale, zero, packs, out);
}

// What fused.h loads.
template <TokenCode kCode>
struct TokenKeyLoad {
  const uint8_t* codes;
  const float *scales, *zeros;
  int64_t dim;
  void operator()(int64_t block, int64_t d, f32v (&x)[kKvVectors]) const {
    load16<kCode>(codes + (block * dim + d) * kPackBytes<kCode>, x);
    for (int v = 0; v < kKvVectors; ++v) {
      const int64_t at = block * 16 + v * kLanes;
      x[v] = mul(kCode == TokenCode::F8 ? x[v] : sub(x[v], load(zeros + at)), load(scales + at));
    }
  }
};

template <TokenCode kCode>
struct TokenValueLoad {
  const uint8_t* codes;
  const float *scales, *zeros;
  int64_t packs;
  void operator()(int64_t j, int64_t pack, f32v (&x)[kKvVectors]) const {
    load16<kCode>(codes + (j * packs + pack) * kPackBytes<kCode>, x);
    for (f32v& part : x) part = mul(kCode == TokenCode::F8 ? part : sub(part, all(zeros[j])), all(scales[j]));
  }
};

inline void token_scores(TokenCode code, const uint8_t* codes, const float* scales, const float* zeros, int64_t head_dim, int64_t blocks, const qw::KvRows& rows) {
  if (code == TokenCode::U8) fused_scores(TokenKeyLoad<TokenCode::U8>{codes, scales, zeros, head_dim}, blocks, head_dim, rows);
  if (code == TokenCode::U4) fused_scores(TokenKeyLoad<TokenCode::U4>{codes, scales, zeros, head_dim}, blocks, head_dim, rows);
  if (code == TokenCode::F8) fused_scores(TokenKeyLoad<TokenCode::F8>{codes, scales, zeros, head_dim}, blocks, head_dim, rows);
}

inline void token_sums(TokenCode code, const uint8_t* codes, const float* scales, const float* zeros, int64_t packs, int64_t positions, const qw::KvSums& rows) {
  if (code == TokenCode::U8) fused_values(TokenValueLoad<TokenCode::U8>{codes, scales, zeros, packs}, positions, packs, rows);
  if (code == TokenCode::U4) fused_values(TokenValueLoad<TokenCode::U4>{codes, scales, zeros, packs}, positions, packs, rows);
  if (code == TokenCode::F8) fused_values(TokenValueLoad<TokenCode::F8>{codes, scales, zeros, packs}, positions, packs, rows);
}

}  // namespace
