#include "pack/widen/widen.h"

#include <algorithm>

#include "cpu/parallel.h"
#include "cpu/pick.h"
#include "linear/float16.h"
#include "pack/pack.h"

qw_widen_line_function* qw_widen_line(void) { return QW_PICK(qw_widen_line); }

qw_status qw_widen(const qw_dense* source, qw_pool* pool, float* out) {
  if (source->rows < 0 || source->cols < 0 || source->type < QW_F32 || source->type > QW_BF16) {
    return qw_error(QW_INVALID_ARGUMENT, "widening %lld x %lld of type %d: needs a shape and type f32, f16 or bf16",
                    (long long)source->rows, (long long)source->cols, int(source->type));
  }
  constexpr int64_t kTask = 32 * 1024;
  const int64_t count = source->rows * source->cols, size = qw_type_bytes(source->type);
  qw_widen_line_function* const widen = qw_widen_line();
  qw::parallel(pool, (count + kTask - 1) / kTask, 1, [&](int64_t begin, int64_t end, int) {
    const int64_t first = begin * kTask, last = std::min(count, end * kTask);
    widen(source->type, static_cast<const char*>(source->data) + first * size, last - first, out + first);
  });
  return qw_ok();
}
