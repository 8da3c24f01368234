#include "linear/spqr/codec.h"

#include <algorithm>

#include "cpu/pick.h"
#include "linear/grouped/codec_of.h"
#include "linear/memory.h"
#include "linear/q2/codec.h"
#include "linear/q3/codec.h"
#include "linear/q4/codec.h"

namespace {

using Versions = qw::GroupedVersion;

const qw_grouped_kernels* dense_kernels(const qw_grouped* weight) {
  static constexpr Versions kTwo[] = {{QW_SIMD_SERIAL, &qw_grouped_serial},
                                      QW_X86({QW_SIMD_AVX2, &qw_q2_avx2}) QW_X86_AVXVNNI({QW_SIMD_AVXVNNI, &qw_q2_avxvnni})
                                      QW_X86({QW_SIMD_AVX512, &qw_q2_avx512}, {QW_SIMD_AVX512VNNI, &qw_q2_avx512vnni})
                                      QW_ARM({QW_SIMD_NEON, &qw_q2_neon}, {QW_SIMD_NEONDOT, &qw_q2_neondot})};
  static constexpr Versions kThree[] = {{QW_SIMD_SERIAL, &qw_grouped_serial},
                                        QW_X86({QW_SIMD_AVX2, &qw_q3_avx2}) QW_X86_AVXVNNI({QW_SIMD_AVXVNNI, &qw_q3_avxvnni})
                                        QW_X86({QW_SIMD_AVX512, &qw_q3_avx512}, {QW_SIMD_AVX512VNNI, &qw_q3_avx512vnni})
                                        QW_ARM({QW_SIMD_NEON, &qw_q3_neon}, {QW_SIMD_NEONDOT, &qw_q3_neondot})};
  static constexpr Versions kFour[] = {{QW_SIMD_SERIAL, &qw_grouped_serial},
                                       QW_X86({QW_SIMD_AVX2, &qw_q4_avx2}) QW_X86_AVXVNNI({QW_SIMD_AVXVNNI, &qw_q4_avxvnni})
                                       QW_X86({QW_SIMD_AVX512, &qw_q4_avx512}, {QW_SIMD_AVX512VNNI, &qw_q4_avx512vnni})
                                       QW_ARM({QW_SIMD_NEON, &qw_q4_neon}, {QW_SIMD_NEONDOT, &qw_q4_neondot})};
  static constexpr Versions kLongTwo[] = {{QW_SIMD_SERIAL, &qw_grouped_serial}, QW_X86({QW_SIMD_AVX512, &qw_q2_avx512})};
  static constexpr Versions kLongThree[] = {{QW_SIMD_SERIAL, &qw_grouped_serial}, QW_X86({QW_SIMD_AVX512, &qw_q3_avx512})};
  static constexpr Versions kLongFour[] = {{QW_SIMD_SERIAL, &qw_grouped_serial}, QW_X86({QW_SIMD_AVX512, &qw_q4_avx512})};
  const int bits = weight->bits;
  // Rows in one group may be longer than what fixed point can sum.
  if (weight->longest_group > QW_FIXED_POINT_MOST_COLUMNS) {
    return bits == 2 ? qw::best_version(kLongTwo) : bits == 3 ? qw::best_version(kLongThree) : qw::best_version(kLongFour);
  }
  return bits == 2 ? qw::best_version(kTwo) : bits == 3 ? qw::best_version(kThree) : qw::best_version(kFour);
}

const qw_spqr_weight* spqr_of(const void* weight) { return static_cast<const qw_spqr_weight*>(weight); }

// Both parts of tiles [begin, end) while their y is in the core's cache.
void stream(const qw_grouped* weight, const qw_grouped_x* x, int first, int m, const float* bias, float* y, int64_t ldy, int64_t begin, int64_t end) {
  dense_kernels(weight)->gemv(weight, x, first, m, bias, y, ldy, begin, end);
  QW_PICK(qw_spqr_add)(spqr_of(weight), x->values + first * x->ld, x->ld, m, y, ldy, begin * QW_TILE_ROWS, std::min(end * QW_TILE_ROWS, weight->base.rows));
}

// A panel of the dense part, with the outliers of its rows and columns put in.
void fill(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_spqr_weight* weight = spqr_of(base);
  dense_kernels(&weight->dense)->fill(base, row, column, count, panel);
  const int64_t width = qw_panel_kernel_in_force()->width;
  for (int64_t r = 0; r < width && row + r < weight->dense.base.rows; ++r) {
    int64_t low = weight->row_begin[row + r], high = weight->row_begin[row + r + 1];
    const int64_t end = high;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (qw_spqr_place(weight, middle) < column) low = middle + 1;
      else high = middle;
    }
    for (; low < end; ++low) {
      const int64_t place = qw_spqr_place(weight, low) - column;
      if (place >= count) break;
      panel[place * width + r] += qw_f16_to_f32(weight->values[low]);
    }
  }
}

void matmul(const qw_weight* base, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch, qw_pool* pool) {
  const qw_grouped_kernels* dense = dense_kernels(reinterpret_cast<const qw_grouped*>(base));
  const qw_grouped_kernels kernels = {dense->rows, dense->prepare, stream, dense->fill == nullptr ? nullptr : fill, nullptr};
  qw_grouped_matmul(base, &kernels, x, ldx, m, bias, y, ldy, scratch, pool);
}

void dequantize(const qw_weight* base, int64_t row_begin, int64_t row_count, float* out) {
  qw_grouped_dequantize(base, row_begin, row_count, out);
  const qw_spqr_weight* weight = spqr_of(base);
  for (int64_t row = row_begin; row < row_begin + row_count; ++row, out += base->cols) {
    for (int32_t at = weight->row_begin[row]; at < weight->row_begin[row + 1]; ++at) {
      const int64_t place = qw_spqr_place(weight, at), column = weight->dense.columns == nullptr ? place : weight->dense.columns[place];
      out[column] += qw_f16_to_f32(weight->values[at]);
    }
  }
}

}  // namespace

const qw_codec qw_codec_spqr = {"spqr", qw_grouped_scratch_bytes, matmul, dequantize, qw_spqr_destroy, QW_GROUPED_LAYOUT, qw_spqr_save, qw_spqr_restore};

void qw_spqr_destroy(qw_weight* base) {
  qw_spqr_weight* weight = reinterpret_cast<qw_spqr_weight*>(base);
  if (!base->borrowed) {
    qw_weight_memory_free(weight->dense.codes);
    qw_weight_memory_free(weight->dense.params);
    qw_weight_memory_free(weight->row_begin);
    qw_weight_memory_free(weight->places);
    qw_weight_memory_free(weight->values);
    delete[] weight->dense.group_begin;
    delete[] weight->dense.columns;
  }
  delete weight;
}
