#include "layernorm/layernorm.h"

#include "cpu/parallel.h"
#include "cpu/pick.h"

// About 6 us of work: less is not worth waking a thread for.
static constexpr int64_t kElementsPerChunk = 16384;

extern "C" void qw_layernorm(const float* x, int64_t rows, int64_t width, const float* weight, const float* bias, float eps, float* out, qw_pool* pool) {
  qw::LayernormRow* row = QW_PICK(qw::layernorm);
  qw::parallel(pool, rows, kElementsPerChunk / width, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) row(x + r * width, width, weight, bias, eps, out + r * width);
  });
}
