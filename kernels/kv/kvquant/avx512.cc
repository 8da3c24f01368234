#include "kv/kvquant/vector.h"

void qw::kv_kvquant_keys_avx512(int bits, const uint8_t* codes, const float* book, const float* ranges, const float* offsets, int64_t head_dim, float* out) {
  kvquant_keys(bits, codes, book, ranges, offsets, head_dim, out);
}

void qw::kv_kvquant_values_avx512(int bits, const uint8_t* codes, const float* book, float range, float offset, int64_t packs, float* out) {
  kvquant_values(bits, codes, book, range, offset, packs, out);
}

void qw::kv_kvquant_rope_avx512(float* x, int64_t half, const float* cosines, const float* sines) { kvquant_rope(x, half, cosines, sines); }
