// KIVI (Liu et al. 2024; jy-yuan/KIVI quant/new_pack.py, models/llama_kivi.py): keys by channel over groups of tokens, values by token over groups of channels.
//   scale = (max - min) / (2^bits - 1);  code = round(clamp((x - min) / scale, 0, 2^bits - 1));  x' = code * scale + min.  Constant group: codes and scale 0.
// Of a sequence of T positions, keys are packed up to T - T % R and values up to T - R, R = residual_length; the rest is in f16, as are scales and minima.
#pragma once
#include "cpu/half.h"
#include "kv/kv.h"

namespace qw {

qw_status check_kivi_spec(const qw_kv_spec& spec);
qw_status check_kivi_layer(const qw_kv_spec& spec, const KvLayer& layer);
std::unique_ptr<KvStore> make_kivi_store(const qw_kv_spec& spec, const KvLayer& layer);

// So many first positions are packed. The store must be one of make_kivi_store.
struct KiviPacked {
  int64_t keys, values;
};
KiviPacked kivi_packed(const KvStore& store);

// Codes of a group: x' = code * scale + minimum, in one rounding.
struct KiviParameters {
  const float *scale, *minimum;
};

// 16 positions of a KV head: codes [headDim] packs of 16 positions, parameters [headDim]; out [headDim][16].
using KiviKeys = void(int bits, const uint8_t* codes, KiviParameters parameters, int64_t head_dim, float* out);
KiviKeys kivi_keys_serial, kivi_keys_avx2, kivi_keys_avx512, kivi_keys_neon;

// One position of a KV head: codes [packs] packs of 16 channels, one group after every group_packs packs, parameters [groups]; out [packs * 16].
using KiviValues = void(int bits, const uint8_t* codes, KiviParameters parameters, int64_t group_packs, int64_t packs, float* out);
KiviValues kivi_values_serial, kivi_values_avx2, kivi_values_avx512, kivi_values_neon;

// count: a multiple of 16.
using KiviWiden = void(const qw_half* x, int64_t count, float* out);
KiviWiden kivi_widen_serial, kivi_widen_avx2, kivi_widen_avx512, kivi_widen_neon;

// Up to kKvFewRows rows. bits 16: codes are f16 values, blocked as in attention/cache.h, without parameters.
// blocks: of 16 positions, all of one group; rows.scores begins with them.
using KiviScores = void(int bits, const uint8_t* codes, KiviParameters parameters, int64_t head_dim, int64_t blocks, const KvRows& rows);
KiviScores kivi_scores_serial, kivi_scores_avx2, kivi_scores_avx512, kivi_scores_neon;

// parameters [positions][groups]; rows.weights begins with the first position.
using KiviSums = void(int bits, const uint8_t* codes, KiviParameters parameters, int64_t group_packs, int64_t packs, int64_t positions, const KvSums& rows);
KiviSums kivi_sums_serial, kivi_sums_avx2, kivi_sums_avx512, kivi_sums_neon;

}  // namespace qw
