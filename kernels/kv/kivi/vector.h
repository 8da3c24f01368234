// The kernels of kivi.h for the vector width of the including file.
#pragma once
#include "kv/fused.h"
#include "kv/kivi/kivi.h"

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

// What fused.h loads.
template <int kBits>
struct PackedKeys {
  const uint8_t* codes;
  qw::KiviParameters parameters;
  int64_t dim;
  void operator()(int64_t block, int64_t d, f32v (&x)[kKvVectors]) const {
    codes_f32<kBits>(codes + (block * dim + d) * 2 * kBits, x);
    for (f32v& part : x) part = fma(part, all(parameters.scale[d]), all(parameters.minimum[d]));
  }
};

template <int kBits>
struct PackedValues {
  const uint8_t* codes;
  qw::KiviParameters parameters;
  int64_t packs, groups, group_shift;  // 2^group_shift packs a group; 62: one group
  void operator()(int64_t j, int64_t pack, f32v (&x)[kKvVectors]) const {
    const int64_t group = j * groups + (pack >> group_shift);
    codes_f32<kBits>(codes + (j * packs + pack) * 2 * kBits, x);
    for (f32v& part : x) part = fma(part, all(parameters.scale[group]), all(parameters.minimum[group]));
  }
};

struct PlainLoad {
  const qw_half* values;
  int64_t width;
  void operator()(int64_t row, int64_t part, f32v (&x)[kKvVectors]) const {
    for (int v = 0; v < kKvVectors; ++v) x[v] = load(values + (row * width + part) * 16 + v * kLanes);
  }
};

inline void kivi_scores(int bits, const uint8_t* codes, const qw::KiviParameters& parameters, int64_t head_dim, int64_t blocks, const qw::KvRows& rows) {
  if (bits == 16) {
    fused_scores(PlainLoad{reinterpret_cast<const qw_half*>(codes), head_dim}, blocks, head_dim, rows);
  } else if (bits == 4) {
    fused_scores(PackedKeys<4>{codes, parameters, head_dim}, blocks, head_dim, rows);
  } else {
    fused_scores(PackedKeys<2>{codes, parameters, head_dim}, blocks, head_dim, rows);
  }
}

// group_shift of group_packs, a power of two unless there is one group.
inline void kivi_sums(int bits, const uint8_t* codes, const qw::KiviParameters& parameters, int64_t group_packs, int64_t packs, int64_t positions,
                      const qw::KvSums& rows) {
  const int64_t groups = (packs + group_packs - 1) / group_packs, shift = groups == 1 ? 62 : __builtin_ctzll(uint64_t(group_packs));
  if (bits == 16) {
    fused_values(PlainLoad{reinterpret_cast<const qw_half*>(codes), packs}, positions, packs, rows);
  } else if (bits == 4) {
    fused_values(PackedValues<4>{codes, parameters, packs, groups, shift}, positions, packs, rows);
  } else {
    fused_values(PackedValues<2>{codes, parameters, packs, groups, shift}, positions, packs, rows);
  }
}

}  // namespace
