#include "rmsnorm/rmsnorm.h"

#include "cpu/parallel.h"
#include "cpu/pick.h"

// About 4 us of work: less is not worth waking a thread for.
static constexpr int64_t kElementsPerChunk = 16384;

extern "C" void qw_rmsnorm(const float* x, int64_t rows, int64_t width, const float* weight, float eps, float* out, qw_pool* pool) {
  qw::RmsnormRow* row = QW_PICK(qw::rmsnorm);
  qw::parallel(pool, rows, kElementsPerChunk / width, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) row(x + r * width, width, weight, eps, out + r * width);
  });
}
