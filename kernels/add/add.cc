#include "add/add.h"

#include "cpu/parallel.h"
#include "cpu/pick.h"

// About 3 us of work.
static constexpr int64_t kElementsPerChunk = 16384;

extern "C" void qw_add(const float* a, const float* b, float* out, int64_t count, qw_pool* pool) {
  qw::Add* kernel = QW_PICK(qw::add);
  qw::parallel(pool, count, kElementsPerChunk,
               [=](int64_t begin, int64_t end, int) { kernel(a + begin, b + begin, out + begin, end - begin); });
}
