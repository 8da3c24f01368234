#include "program/backward/adamw.h"

#include <algorithm>
#include <cmath>

#include "cpu/parallel.h"

static constexpr int64_t kElementsPerChunk = 16384;

void qw::adamw_update(const qw_adamw& options, int64_t step, bool decays, int64_t count, const float* gradient, float* values, float* mean, float* square,
                      qw_pool* pool) {
  const float kept = decays ? float(1.0 - double(options.learning_rate) * double(options.weight_decay)) : 1.0f;
  const float rate = float(double(options.learning_rate) / (1.0 - std::pow(double(options.beta1), double(step))));
  const float root = float(std::sqrt(1.0 - std::pow(double(options.beta2), double(step))));
  const float into_mean = 1.0f - options.beta1, into_square = 1.0f - options.beta2, beta2 = options.beta2, epsilon = options.epsilon;
  parallel(pool, (count + kElementsPerChunk - 1) / kElementsPerChunk, 1, [=](int64_t begin, int64_t end, int) {
    const int64_t last = std::min(count, end * kElementsPerChunk);
    for (int64_t i = begin * kElementsPerChunk; i < last; ++i) {
      const float g = gradient[i], m = mean[i] + into_mean * (g - mean[i]), v = beta2 * square[i] + into_square * g * g;
      mean[i] = m, square[i] = v;
      values[i] = kept * values[i] - rate * m / (std::sqrt(v) / root + epsilon);
    }
  });
}
