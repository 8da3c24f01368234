// q6, AVX-VNNI: exact integer products with 24-bit fixed-point activations when streaming; panels as AVX2 fills them.
#include "linear/grouped/avxvnni.h"
#include "linear/q6/codec.h"

namespace {

void fill(const void* weight, int64_t row, int64_t column, int64_t count, float* panel) {
  qw_q6_avx2.fill(weight, row, column, count, panel);
}

void fill16(const qw_grouped* weight, int64_t tile, int64_t begin, int64_t end, int16_t* panel) {
  qw_q6_avx2.fill16(weight, tile, begin, end, panel);
}

}  // namespace

const qw_grouped_kernels qw_q6_avxvnni = {QW_GEMV_MOST_ROWS, split_digits, stream_digits<6>, fill, fill16};
