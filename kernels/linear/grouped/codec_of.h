// What makes a codec of a grouped width: `Q` names its kernels. For files of the baseline instruction set only.
//
//   struct Q {
//     static constexpr int kBits;
//     static const qw_codec* codec();
//     static const qw_grouped_kernels* in_force();         // of the level in force
//     static const qw_grouped_kernels* for_long_groups();  // of those whose sums do not end with fixed point (fixed_point.h)
//   };
#pragma once
#include "cpu/pick.h"
#include "linear/grouped/fixed_point.h"
#include "linear/grouped/grouped.h"

namespace qw {

using GroupedVersion = Version<const qw_grouped_kernels>;

template <typename Q>
struct GroupedCodec {
  static void matmul(const qw_weight* weight, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
                     qw_pool* pool) {
    const bool long_groups = reinterpret_cast<const qw_grouped*>(weight)->longest_group > QW_FIXED_POINT_MOST_COLUMNS;
    qw_grouped_matmul(weight, long_groups ? Q::for_long_groups() : Q::in_force(), x, ldx, m, bias, y, ldy, scratch, pool);
  }
  static qw_status restore(const qw_saved* saved, qw_weight** out) { return qw_grouped_restore(Q::codec(), Q::kBits, saved, out); }
  static qw_status pack(const qw_affine* affine, qw_pool* pool, qw_weight** out) {
    return qw_grouped_pack(Q::codec(), Q::kBits, affine, pool, out);
  }
  static constexpr qw_codec make(const char* name) {
    return {name, qw_grouped_scratch_bytes, matmul, qw_grouped_dequantize, qw_grouped_destroy, QW_GROUPED_LAYOUT, qw_grouped_save, restore};
  }
};

}  // namespace qw
