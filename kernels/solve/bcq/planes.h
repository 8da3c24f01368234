// A row of codes as bit planes (bcq.h), and what a code means.
#pragma once
#include <stdint.h>

// Row of codes [cols], readable up to the next multiple of 32 and zero there after `offset` is added (mod 256), into the words of one row
// of the planes: word w of bit i at planes[(w * bits + i) * rows].
void qw_bcq_lay_row(const uint8_t* codes, int64_t cols, int bits, uint8_t offset, uint32_t* planes, int64_t rows);

// sum of +-alpha [bits] by the bits of `code`, the first alpha first.
static inline float qw_bcq_sum(const float* alpha, int bits, unsigned code) {
  float sum = 0;
  for (int i = 0; i < bits; ++i) sum += (code >> i & 1) != 0 ? alpha[i] : -alpha[i];
  return sum;
}
