#include "kv/kivi/vector.h"

void qw::kivi_keys_avx2(int bits, const uint8_t* codes, KiviParameters parameters, int64_t head_dim, float* out) {
  kivi_keys(bits, codes, parameters, head_dim, out);
}

void qw::kivi_values_avx2(int bits, const uint8_t* codes, KiviParameters parameters, int64_t group_packs, int64_t packs, float* out) {
  kivi_values(bits, codes, parameters, group_packs, packs, out);
}

void qw::kivi_widen_avx2(const qw_half* x, int64_t count, float* out) { kivi_widen(x, count, out); }

void qw::kivi_scores_avx2(int bits, const uint8_t* codes, KiviParameters parameters, int64_t head_dim, int64_t blocks, const KvRows& rows) {
  kivi_scores(bits, codes, parameters, head_dim, blocks, rows);
}

void qw::kivi_sums_avx2(int bits, const uint8_t* codes, KiviParameters parameters, int64_t group_packs, int64_t packs, int64_t positions, const KvSums& rows) {
  kivi_sums(bits, codes, parameters, group_packs, packs, positions, rows);
}
