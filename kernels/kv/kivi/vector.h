// The kernels of kivi.h for the vector width of the including file.
#pragma once
#include "kv/kivi/kivi.h"
#include "kv/lanes.h"

namespace {

template <int kBits>
inline void unpack(const uint8_t* codes, float scale, float minimum, float* out) {
  f32v x[kKvVectors];
  codes_f32<kBits>(codes, x);
  for (int v = 0; v < kKvVectors; ++v) store(out + v * kLanes, fma(x[v], all(scale), all(minimum)));
}

template <int kBits>
void keys16(const uint8_t* codes, const qw::KiviParameters& parameters, int64_t head_dim, float* out) {
  for (int64_t d = 0; d < head_dim; ++d) unpack<kBits>(codes + d * 2 * kBits, parameters.scale[d], parameters.minimum[d], out + d * 16);
}

template <int kBits>
void values16(const uint8_t* codes, const qw::KiviParameters& parameters, int64_t group_packs, int64_t packs, float* out) {
  for (int64_t p = 0, group = 0; p < packs; ++group) {
    for (const int64_t end = p + group_packs; p < end; ++p) unpack<kBits>(codes + p * 2 * kBits, parameters.scale[group], parameters.minimum[group], out + p * 16);
  }
}

inline void kivi_keys(int bits, const uint8_t* codes, const qw::KiviParameters& parameters, int64_t head_dim, float* out) {
  bits == 4 ? keys16<4>(codes, parameters, head_dim, out) : keys16<2>(codes, parameters, head_dim, out);
}

inline void kivi_values(int bits, const uint8_t* codes, const qw::KiviParameters& parameters, int64_t group_packs, int64_t packs, float* out) {
  bits == 4 ? values16<4>(codes, parameters, group_packs, packs, out) : values16<2>(codes, parameters, group_packs, packs, out);
}

inline void kivi_widen(const qw_half* x, int64_t count, float* out) {
  for (int64_t i = 0; i < count; i += kLanes) store(out + i, load(x + i));
}

}  // namespace
