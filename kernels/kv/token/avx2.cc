#include "kv/token/vector.h"

void qw::kv_token_keys_avx2(TokenCode code, const uint8_t* codes, const float* scales, const float* zeros, int64_t head_dim, float* out) {
  token_keys(code, codes, scales, zeros, head_dim, out);
}

void qw::kv_token_values_avx2(TokenCode code, const uint8_t* codes, float scale, float zero, int64_t packs, float* out) {
  token_values(code, codes, scale, zero, packs, out);
}

void qw::kv_token_scores_avx2(TokenCode code, const uint8_t* codes, const float* scales, const float* zeros, int64_t head_dim, int64_t blocks, const KvRows& rows) {
  token_scores(code, codes, scales, zeros, head_dim, blocks, rows);
}

void qw::kv_token_sums_avx2(TokenCode code, const uint8_t* codes, const float* scales, const float* zeros, int64_t packs, int64_t positions, const KvSums& rows) {
  token_sums(code, codes, scales, zeros, packs, positions, rows);
}
