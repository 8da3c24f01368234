#include "activate/activate.h"

#include "cpu/parallel.h"
#include "cpu/pick.h"

// About 3 us of work.
static constexpr int64_t kElementsPerChunk = 4096;

extern "C" void qw_activate(qw_activation kind, const float* x, const float* up, float number, float* out, int64_t count, qw_pool* pool) {
  qw::Activate* kernel = QW_PICK(qw::activate);
  qw::parallel(pool, count, kElementsPerChunk, [=](int64_t begin, int64_t end, int) {
    kernel(kind, x + begin, up == nullptr ? nullptr : up + begin, number, out + begin, end - begin);
  });
}
