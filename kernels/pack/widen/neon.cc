#include <arm_neon.h>

#include "linear/float16.h"
#include "pack/widen/widen.h"

void qw_widen_line_neon(qw_type type, const void* from, int64_t count, float* to) {
  const char* bytes = static_cast<const char*>(from);
  int64_t i = 0;
  if (type == QW_F32) {
    memcpy(to, from, size_t(count) * 4);
    return;
  }
  for (; i + 4 <= count; i += 4) {
    uint16x4_t half;
    memcpy(&half, bytes + i * 2, sizeof half);
    const float32x4_t value_f32x4 = type == QW_F16 ? vcvt_f32_f16(vreinterpret_f16_u16(half)) : vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(half), 16));
    vst1q_f32(to + i, value_f32x4);
  }
  for (; i < count; ++i) to[i] = qw_read_typed(type, from, i);
}
