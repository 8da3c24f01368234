#include "linear/float16.h"
#include "pack/widen/widen.h"

void qw_widen_line_serial(qw_type type, const void* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = qw_read_typed(type, from, i);
}
