// The specification of line.h.
#include <cmath>

#include "solve/bcq/line.h"

namespace {

double magnitude(const float* r, int64_t count) {
  double partial[QW_BCQ_PARTIALS] = {};
  for (int64_t k = 0; k < count; ++k) partial[k % QW_BCQ_PARTIALS] += double(std::fabs(r[k]));
  return qw_bcq_join(partial);
}

int peel(float* r, int64_t count, float alpha, int bit, uint8_t* codes) {
  int zeros = 0;
  for (int64_t k = 0; k < count; ++k) {
    if (r[k] > 0) {
      codes[k] = uint8_t(codes[k] | 1 << bit);
      r[k] -= alpha;
    } else if (r[k] < 0) {
      r[k] += alpha;
    } else {
      zeros = 1;
    }
  }
  return zeros;
}

void project(const float* w, const uint8_t* codes, int64_t count, int bits, double* sums) {
  for (int i = 0; i < bits; ++i) {
    double partial[QW_BCQ_PARTIALS] = {};
    for (int64_t k = 0; k < count; ++k) partial[k % QW_BCQ_PARTIALS] += double((codes[k] >> i & 1) != 0 ? w[k] : -w[k]);
    sums[i] = qw_bcq_join(partial);
  }
}

void assign(const float* w, int64_t count, int bits, const float* middles, const uint8_t* by_rank, uint8_t* codes) {
  for (int64_t k = 0; k < count; ++k) {
    int rank = 0;
    for (int half = 1 << bits >> 1; half > 0; half >>= 1) {
      if (!(w[k] < middles[rank + half - 1])) rank += half;
    }
    codes[k] = by_rank[rank];
  }
}

}  // namespace

const qw_bcq_line qw_bcq_line_serial = {magnitude, peel, project, assign};
