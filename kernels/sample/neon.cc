#include "sample/vector.h"

float qw::row_largest_neon(const float* x, int64_t count, bool* not_a_number) { return row_largest_vector(x, count, not_a_number); }

double qw::row_weights_neon(float* x, int64_t count, float top, float inverse_temperature, double* sums) {
  return row_weights_vector(x, count, top, inverse_temperature, sums);
}

int64_t qw::row_above_neon(const float* x, int64_t count, int64_t from, float threshold, int32_t* ids, int64_t room, int64_t* found) {
  return row_above_vector(x, count, from, threshold, ids, room, found);
}
