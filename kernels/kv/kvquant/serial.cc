// The specification of the kernels of kvquant.h.
#include "kv/codes.h"
#include "kv/kvquant/kvquant.h"

void qw::kv_kvquant_keys_serial(int bits, const uint8_t* codes, const float* book, const float* ranges, const float* offsets, int64_t head_dim, float* out) {
  for (int64_t d = 0; d < head_dim; ++d) {
    for (int64_t i = 0; i < 16; ++i) out[d * 16 + i] = book[kv_code(bits, codes + d * kv_pack_bytes(bits), i)] * ranges[d] + offsets[d];
  }
}

void qw::kv_kvquant_values_serial(int bits, const uint8_t* codes, const float* book, float range, float offset, int64_t packs, float* out) {
  for (int64_t p = 0; p < packs; ++p) {
    for (int64_t i = 0; i < 16; ++i) out[p * 16 + i] = book[kv_code(bits, codes + p * kv_pack_bytes(bits), i)] * range + offset;
  }
}

void qw::kv_kvquant_rope_serial(float* x, int64_t half, const float* cosines, const float* sines) {
  for (int64_t i = 0; i < half * 16; ++i) {
    const float first = x[i], second = x[i + half * 16];
    x[i] = first * cosines[i] - second * sines[i];
    x[i + half * 16] = second * cosines[i] + first * sines[i];
  }
}
