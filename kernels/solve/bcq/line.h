// What solving does to the weights of one group, per instruction set. All levels give the same bits: sums are 16 partial sums in f64, weight k
// in partial k % 16, joined in one order.
//
// Cost a round and weight (AVX-512, 4 bits): 4 sign flips, 8 widenings and 8 adds a vector of 16 for the projections, 4 steps of permute,
// compare and add for the search: about 2.5 instructions.
#pragma once
#include <stdint.h>

typedef struct qw_bcq_line {
  double (*magnitude)(const float* r, int64_t count);  // sum |r|
  // Sets `bit` of codes where r > 0, then r -= sign(r) alpha; r = 0 stays. Returns whether there was a zero.
  int (*peel)(float* r, int64_t count, float alpha, int bit, uint8_t* codes);
  // sums[i] = sum of w with the sign of bit i of its code.
  void (*project)(const float* w, const uint8_t* codes, int64_t count, int bits, double* sums);
  // code = by_rank[number of middles <= w]; `middles` ascend, 2^bits - 1 of 15 are used.
  void (*assign)(const float* w, int64_t count, int bits, const float* middles, const uint8_t* by_rank, uint8_t* codes);
} qw_bcq_line;

extern const qw_bcq_line qw_bcq_line_serial;
extern const qw_bcq_line qw_bcq_line_avx2;
extern const qw_bcq_line qw_bcq_line_avx512;

enum { QW_BCQ_PARTIALS = 16 };

// The order in which partial sums are joined.
static inline double qw_bcq_join(const double (&partial)[QW_BCQ_PARTIALS]) {
  double eight[8], four[4];
  for (int i = 0; i < 8; ++i) eight[i] = partial[i] + partial[i + 8];
  for (int i = 0; i < 4; ++i) four[i] = eight[i] + eight[i + 4];
  return (four[0] + four[2]) + (four[1] + four[3]);
}
