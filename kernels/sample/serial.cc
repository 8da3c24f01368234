#include <cmath>

#include "sample/kernels.h"

float qw::row_largest_serial(const float* x, int64_t count, bool* not_a_number) {
  float top = -INFINITY;
  *not_a_number = false;
  for (int64_t i = 0; i < count; ++i) {
    if (std::isnan(x[i])) *not_a_number = true;
    if (x[i] > top) top = x[i];
  }
  return top;
}

double qw::row_weights_serial(float* x, int64_t count, float top, float inverse_temperature, double* sums) {
  double total = 0;
  for (int64_t begin = 0; begin < count; begin += kWeightBlock) {
    const int64_t end = begin + kWeightBlock < count ? begin + kWeightBlock : count;
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) {
      const float exponent = (x[i] - top) * inverse_temperature;
      x[i] = exponent < -104.0f ? 0.0f : std::exp(exponent);
      sum += double(x[i]);
    }
    sums[begin / kWeightBlock] = sum;
    total += sum;
  }
  return total;
}

int64_t qw::row_above_serial(const float* x, int64_t count, int64_t from, float threshold, int32_t* ids, int64_t room, int64_t* found) {
  int64_t written = 0, i = from;
  for (; i < count && written < room; ++i) {
    if (x[i] > threshold) ids[written++] = int32_t(i);
  }
  *found = written;
  return i;
}
