#include <cmath>

#include "score/score.h"

double qw::log_sum_exp_serial(const float* logits, int64_t width) {
  float maximum = logits[0];
  for (int64_t i = 1; i < width; ++i) maximum = std::fmax(maximum, logits[i]);
  double sum = 0;
  for (int64_t i = 0; i < width; ++i) sum += double(std::exp(logits[i] - maximum));
  return double(maximum) + std::log(sum);
}
