// The specification of the kernels of kivi.h.
#include <cmath>

#include "kv/codes.h"
#include "kv/kivi/kivi.h"

void qw::kivi_keys_serial(int bits, const uint8_t* codes, KiviParameters parameters, int64_t head_dim, float* out) {
  for (int64_t d = 0; d < head_dim; ++d) {
    const uint8_t* pack = codes + d * kv_pack_bytes(bits);
    for (int64_t i = 0; i < 16; ++i) out[d * 16 + i] = std::fma(float(kv_code(bits, pack, i)), parameters.scale[d], parameters.minimum[d]);
  }
}

void qw::kivi_values_serial(int bits, const uint8_t* codes, KiviParameters parameters, int64_t group_packs, int64_t packs, float* out) {
  for (int64_t p = 0; p < packs; ++p) {
    const uint8_t* pack = codes + p * kv_pack_bytes(bits);
    const int64_t group = p / group_packs;
    for (int64_t i = 0; i < 16; ++i) out[p * 16 + i] = std::fma(float(kv_code(bits, pack, i)), parameters.scale[group], parameters.minimum[group]);
  }
}

void qw::kivi_widen_serial(const qw_half* x, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = qw_half_to_float(x[i]);
}

namespace {

float key_of(int bits, const uint8_t* codes, const qw::KiviParameters& parameters, int64_t d, int64_t i) {
  if (bits == 16) return qw_half_to_float(reinterpret_cast<const qw_half*>(codes)[d * 16 + i]);
  return std::fma(float(qw::kv_code(bits, codes + d * qw::kv_pack_bytes(bits), i)), parameters.scale[d], parameters.minimum[d]);
}

}  // namespace

void qw::kivi_scores_serial(int bits, const uint8_t* codes, KiviParameters parameters, int64_t head_dim, int64_t blocks, const KvRows& rows) {
  for (int64_t r = 0; r < rows.count; ++r) {
    for (int64_t j = 0; j < blocks * 16; ++j) {
      const uint8_t* block = codes + j / 16 * head_dim * kv_pack_bytes(bits);
      float sum = 0;
      for (int64_t d = 0; d < head_dim; ++d) sum = std::fma(rows.q[r][d], key_of(bits, block, parameters, d, j % 16), sum);
      rows.scores[r * kKvRowStride + j] = sum;
    }
  }
}

void qw::kivi_sums_serial(int bits, const uint8_t* codes, KiviParameters parameters, int64_t group_packs, int64_t packs, int64_t positions, const KvSums& rows) {
  const int64_t groups = (packs + group_packs - 1) / group_packs;
  for (int64_t j = 0; j < positions; ++j) {
    for (int64_t d = 0; d < packs * 16; ++d) {
      const int64_t pack = j * packs + d / 16, group = j * groups + d / 16 / group_packs;
      const float value = bits == 16 ? qw_half_to_float(reinterpret_cast<const qw_half*>(codes)[pack * 16 + d % 16])
                                     : std::fma(float(kv_code(bits, codes + pack * kv_pack_bytes(bits), d % 16)), parameters.scale[group], parameters.minimum[group]);
      for (int64_t r = 0; r < rows.count; ++r) {
        float& out = rows.out[r * packs * 16 + d];
        out = std::fma(rows.weights[r * kKvRowStride + j], value, out);
      }
    }
  }
}
