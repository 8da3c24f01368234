#include "silu_mul/silu_mul.h"

#include "cpu/parallel.h"
#include "cpu/pick.h"

// About 3 us of work.
static constexpr int64_t kElementsPerChunk = 4096;

extern "C" void qw_silu_mul(const float* gate, const float* up, float* out, int64_t count, qw_pool* pool) {
  qw::SiluMul* kernel = QW_PICK(qw::silu_mul);
  qw::parallel(pool, count, kElementsPerChunk,
               [=](int64_t begin, int64_t end, int) { kernel(gate + begin, up + begin, out + begin, end - begin); });
}
