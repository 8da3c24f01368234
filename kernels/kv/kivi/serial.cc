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
