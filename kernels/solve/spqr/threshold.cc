#include "solve/spqr/threshold.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <new>
#include <vector>

#include "cpu/parallel.h"
#include "linear/float16.h"
#include "pack/widen/widen.h"

namespace {
constexpr int64_t kStripe = 256;  // columns of a task: the sums do not depend on threads
}

double qw::spqr_outlier_scale(const qw_dense& source, const int32_t* order, const uint8_t* dead, const float* diagonal, qw_pool* pool) {
  const int64_t rows = source.rows, cols = source.cols;
  if (rows < 2) return 0;  // no variance of one value
  std::vector<double> variance(static_cast<size_t>(cols));
  std::vector<float> place(static_cast<size_t>(cols));
  for (int64_t i = 0; i < cols; ++i) place[size_t(order[i])] = diagonal[i];
  qw::parallel(pool, (cols + kStripe - 1) / kStripe, 1, [&](int64_t begin, int64_t end, int) {
    float x[kStripe], first[kStripe];
    for (int64_t stripe = begin; stripe < end; ++stripe) {
      const int64_t column = stripe * kStripe, count = std::min(kStripe, cols - column);
      double sum[kStripe] = {}, squares[kStripe] = {};  // of the distances to the first row
      for (int64_t r = 0; r < rows; ++r) {
        const char* bytes = static_cast<const char*>(source.data) + (r * cols + column) * qw_type_bytes(source.type);
        qw_widen_line()(source.type, bytes, count, r == 0 ? first : x);
        for (int64_t i = 0; r > 0 && i < count; ++i) {
          const double distance = double(x[i]) - double(first[i]);
          sum[i] += distance;
          squares[i] += distance * distance;
        }
      }
      for (int64_t i = 0; i < count; ++i) variance[size_t(column + i)] = (squares[i] - sum[i] * sum[i] / double(rows)) / double(rows - 1);
    }
  });
  double mean = 0;
  for (int64_t i = 0; i < cols; ++i) {
    if (dead[i]) continue;
    const double diagonal_of = double(place[size_t(i)]);
    mean += std::max(0.0, variance[size_t(i)]) / (diagonal_of * diagonal_of) / double(cols);
  }
  return mean;
}
