// The specification of the kernels of token.h.
#include <cmath>

#include "kv/codes.h"
#include "kv/token/token.h"

namespace {

// fp8 e4m3 without NaN, which is never stored.
float from_f8(uint8_t code) {
  const int exponent = code >> 3 & 15, fraction = code & 7;
  const float magnitude = exponent == 0 ? std::ldexp(float(fraction), -9) : std::ldexp(float(8 + fraction), exponent - 10);
  return (code & 0x80) != 0 ? -magnitude : magnitude;
}

float unpacked(qw::TokenCode code, const uint8_t* packed, int64_t i, float scale, float zero) {
  if (code == qw::TokenCode::F8) return from_f8(packed[i]) * scale;
  return (float(qw::kv_code(code == qw::TokenCode::U8 ? 8 : 4, packed, i)) - zero) * scale;
}

int64_t pack_bytes(qw::TokenCode code) { return code == qw::TokenCode::U4 ? 8 : 16; }

}  // namespace

void qw::kv_token_keys_serial(TokenCode code, const uint8_t* codes, const float* scales, const float* zeros, int64_t head_dim, float* out) {
  for (int64_t d = 0; d < head_dim; ++d) {
    for (int64_t i = 0; i < 16; ++i) out[d * 16 + i] = unpacked(code, codes + d * pack_bytes(code), i, scales[i], zeros[i]);
  }
}

void qw::kv_token_values_serial(TokenCode code, const uint8_t* codes, float scale, float zero, int64_t packs, float* out) {
  for (int64_t p = 0; p < packs; ++p) {
    for (int64_t i = 0; i < 16; ++i) out[p * 16 + i] = unpacked(code, codes + p * pack_bytes(code), i, scale, zero);
  }
}

void qw::kv_token_scores_serial(TokenCode code, const uint8_t* codes, const float* scales, const float* zeros, int64_t head_dim, int64_t blocks,
                                const KvRows& rows) {
  for (int64_t r = 0; r < rows.count; ++r) {
    for (int64_t j = 0; j < blocks * 16; ++j) {
      const uint8_t* block = codes + j / 16 * head_dim * pack_bytes(code);
      float sum = 0;
      for (int64_t d = 0; d < head_dim; ++d) sum = std::fma(rows.q[r][d], unpacked(code, block + d * pack_bytes(code), j % 16, scales[j], zeros[j]), sum);
      rows.scores[r * kKvRowStride + j] = sum;
    }
  }
}

void qw::kv_token_sums_serial(TokenCode code, const uint8_t* codes, const float* scales, const float* zeros, int64_t packs, int64_t positions,
                              const KvSums& rows) {
  for (int64_t j = 0; j < positions; ++j) {
    for (int64_t d = 0; d < packs * 16; ++d) {
      const float value = unpacked(code, codes + (j * packs + d / 16) * pack_bytes(code), d % 16, scales[j], zeros[j]);
      for (int64_t r = 0; r < rows.count; ++r) {
        float& out = rows.out[r * packs * 16 + d];
        out = std::fma(rows.weights[r * kKvRowStride + j], value, out);
      }
    }
  }
}
