// Quantizes the activations once per call, gathers them in packed order, then hands tiles of weights to the kernel of the level in force.
#include "linear/w4a8/codec.h"

#include <algorithm>
#include <cstring>

#include "cpu/pick.h"
#include "linear/int8/tokens/tokens.h"

namespace {

constexpr int64_t kSliceRows = 216;         // rows of x quantized at a time: bounds the scratch
constexpr int64_t kTaskBytes = 96 * 1024;   // weight bytes a task streams: about 10 us
constexpr int64_t kQuantizeTask = 1 << 15;  // activations a quantizing task takes

const qw_int8_kernels& kernels_in_force() {
  static constexpr qw::Version<const qw_int8_kernels> kVersions[] = {
      {QW_SIMD_SERIAL, &qw_int8_serial},
      QW_X86({QW_SIMD_AVX2, &qw_int8_avx2})
      QW_X86_AVXVNNI({QW_SIMD_AVXVNNI, &qw_int8_avxvnni})
      QW_X86({QW_SIMD_AVX512, &qw_int8_avx512}, {QW_SIMD_AVX512VNNI, &qw_int8_avx512vnni})
      QW_ARM({QW_SIMD_NEON, &qw_int8_neon}, {QW_SIMD_NEONDOT, &qw_int8_neondot})
  };
  return *qw::best_version(kVersions);
}

size_t align(size_t bytes) { return (bytes + 63) / 64 * 64; }

bool razored(const qw_int8_groups& weight) { return weight.form.activations.kind == QW_ACTIVATION_RAZORED; }
int64_t razor_groups(const qw_int8_groups& weight) {
  return razored(weight) ? weight.grouped.base.cols / weight.form.activations.group_size : 0;
}

struct Slice {
  const qw_int8_groups* weight;
  const qw_int8_kernels* kernels;
  const float* x;
  int64_t ldx, rows, blocks, block_rows;
  int8_t *quantized, *gathered, *packed;  // [rows][cols + 64], [rows][depth], blocks of [depth / 4][height][4]
  float *scales, *row_factors;            // [rows], [rows][razor groups]
  float* zeros;                           // [rows]
  int32_t* starts;                        // [units][height] of every block
  float *remainders, *factors;            // likewise
  const float* bias;
  float* y;
  int64_t ldy;

  int64_t block_begin(int64_t block) const { return std::min(rows, block * block_rows); }
};

// Row `row` of x: codes in packed order, and what every unit of it adds to the sums.
void prepare_row(const Slice& slice, int64_t block, int64_t row) {
  const qw_int8_groups& weight = *slice.weight;
  const qw_grouped& grouped = weight.grouped;
  const int64_t cols = grouped.base.cols, depth = grouped.depth;
  const int64_t begin = slice.block_begin(block), height = slice.block_begin(block + 1) - begin, i = row - begin;
  int8_t* q = slice.quantized + row * align(size_t(cols));
  float* row_factors = slice.row_factors + row * razor_groups(weight);
  slice.zeros[row] = 0;
  if (razored(weight)) {
    slice.kernels->razor(&weight.form.activations, slice.x + row * slice.ldx, cols, q, slice.scales + row, row_factors);
  } else {
    const qw_int8_token token = qw_int8_quantize(&weight.form.activations, slice.x + row * slice.ldx, cols, q);
    slice.scales[row] = token.scale;
    slice.zeros[row] = float(token.zero);
  }
  const int8_t* codes = q;
  if (grouped.columns != nullptr) {
    int8_t* gathered = slice.gathered + row * depth;
    for (int64_t k = 0; k < depth; ++k) gathered[k] = grouped.columns[k] < 0 ? int8_t(0) : q[grouped.columns[k]];
    codes = gathered;
  }
  int8_t* packed = slice.packed + begin * depth + i * 4;
  for (int64_t quad = 0; quad < depth / 4; ++quad) std::memcpy(packed + quad * height * 4, codes + quad * 4, 4);
  const int32_t offset = qw_int8_offset(&weight);
  const bool flips = slice.kernels->flips && grouped.bits == 8;
  for (int64_t unit = 0; unit < weight.form.units; ++unit) {
    const int64_t from = weight.unit_begin[unit] * grouped.step, to = weight.unit_begin[unit + 1] * grouped.step;
    const int64_t at = begin * weight.form.units + unit * height + i;
    int32_t sum = 0;
    for (int64_t k = from; k < to; ++k) sum += codes[k];
    slice.starts[at] = ((flips ? 128 : 0) - offset) * sum;
    slice.remainders[at] = -float(sum);
    if (!weight.form.razored) continue;
    slice.factors[at] = razored(weight) ? row_factors[from % weight.form.plane_columns / weight.form.activations.group_size] : 1.0f;
  }
}

void prepare_blocks(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  for (int64_t block = begin; block < end; ++block) {
    for (int64_t row = slice.block_begin(block); row < slice.block_begin(block + 1); ++row) prepare_row(slice, block, row);
  }
}

void multiply_tiles(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  const int64_t units = slice.weight->form.units;
  for (int64_t tile = begin; tile < end; ++tile) {
    for (int64_t block = 0; block < slice.blocks; ++block) {
      const int64_t row = slice.block_begin(block);
      const qw_int8_x x = {slice.packed + row * slice.weight->grouped.depth,
                           int(slice.block_begin(block + 1) - row),
                           slice.scales + row,
                           slice.zeros + row,
                           slice.starts + row * units,
                           slice.remainders + row * units,
                           slice.factors + row * units};
      slice.kernels->multiply(slice.weight, &x, slice.bias, slice.y + row * slice.ldy, slice.ldy, tile, tile + 1);
    }
  }
}

// Hands out the scratch, or counts it.
struct Room {
  char* at;
  size_t used = 0;
  template <typename T>
  T* take(size_t count) {
    T* out = reinterpret_cast<T*>(at + used);
    used += align(count * sizeof(T));
    return out;
  }
};

size_t lay_out(Slice* slice, const qw_int8_groups& weight, int64_t m, char* at) {
  const size_t rows = size_t(m), depth = size_t(weight.grouped.depth), units = size_t(weight.form.units);
  Room room = {at};
  slice->quantized = room.take<int8_t>(rows * align(size_t(weight.grouped.base.cols)));
  slice->gathered = room.take<int8_t>(weight.grouped.columns == nullptr ? 0 : rows * depth);
  slice->packed = room.take<int8_t>(rows * depth);
  slice->scales = room.take<float>(rows);
  slice->zeros = room.take<float>(rows);
  slice->row_factors = room.take<float>(rows * size_t(razor_groups(weight)));
  slice->starts = room.take<int32_t>(rows * units);
  slice->remainders = room.take<float>(rows * units);
  slice->factors = room.take<float>(weight.form.razored ? rows * units : 0);
  return room.used;
}

size_t scratch_bytes(const qw_weight* base, int64_t m) {
  Slice slice{};
  return lay_out(&slice, *reinterpret_cast<const qw_int8_groups*>(base), std::min(m, kSliceRows), nullptr) + 64;
}

void matmul(const qw_weight* base, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
            qw_pool* pool) {
  const qw_int8_groups& weight = *reinterpret_cast<const qw_int8_groups*>(base);
  Slice slice{};
  slice.weight = &weight;
  slice.kernels = &kernels_in_force();
  slice.ldx = ldx;
  slice.bias = bias;
  slice.ldy = ldy;
  lay_out(&slice, weight, std::min(m, kSliceRows), reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch) + 63) / 64 * 64));
  const int64_t depth = weight.grouped.depth, height = slice.kernels->height;
  for (int64_t first = 0; first < m; first += kSliceRows) {
    slice.rows = std::min(kSliceRows, m - first);
    slice.x = x + first * ldx;
    slice.y = y + first * ldy;
    slice.blocks = (slice.rows + height - 1) / height;
    slice.block_rows = (slice.rows + slice.blocks - 1) / slice.blocks;
    slice.blocks = (slice.rows + slice.block_rows - 1) / slice.block_rows;
    qw_parallel_for(pool, slice.blocks, std::max<int64_t>(1, kQuantizeTask / (slice.block_rows * depth)), prepare_blocks, &slice);
    const int64_t cost = weight.grouped.tile_bytes * std::max<int64_t>(1, slice.rows / 4);
    qw_parallel_for(pool, weight.grouped.tiles, std::max<int64_t>(1, kTaskBytes / cost), multiply_tiles, &slice);
  }
}

// code * 2^shift * scale; planes add up.
void dequantize_razored(const qw_int8_groups& weight, int64_t row, float* out) {
  const qw_grouped& grouped = weight.grouped;
  const int64_t tile = row / QW_TILE_ROWS, cols = grouped.base.cols;
  const int lane = int(row % QW_TILE_ROWS);
  const float scale = qw_grouped_scale(&grouped, tile, 0, lane);
  std::fill(out, out + cols, 0.0f);
  for (int64_t unit = 0; unit < weight.form.units; ++unit) {
    const int factor = 1 << qw_int8_shifts(&weight, tile, unit)[lane];
    for (int64_t k = weight.unit_begin[unit] * grouped.step; k < weight.unit_begin[unit + 1] * grouped.step; ++k) {
      const int64_t column = k % weight.form.plane_columns;
      if (column < cols) out[column] += float((qw_grouped_code(&grouped, tile, lane, k) - (1 << (grouped.bits - 1))) * factor);
    }
  }
  for (int64_t k = 0; k < cols; ++k) out[k] *= scale;
}

void dequantize(const qw_weight* base, int64_t row_begin, int64_t row_count, float* out) {
  const qw_int8_groups& weight = *reinterpret_cast<const qw_int8_groups*>(base);
  if (!weight.form.razored) {
    qw_grouped_dequantize(base, row_begin, row_count, out);
    return;
  }
  for (int64_t row = row_begin; row < row_begin + row_count; ++row, out += base->cols) dequantize_razored(weight, row, out);
}

}  // namespace

#define QW_CODEC(name, restore) \
  {name, scratch_bytes, matmul, dequantize, qw_int8_groups_destroy, QW_INT8_GROUPS_LAYOUT, qw_int8_groups_save, restore}
const qw_codec qw_codec_w4a8 = QW_CODEC("w4a8", qw_int8_groups_restore_w4a8);
const qw_codec qw_codec_w8a8_groups = QW_CODEC("w8a8_groups", qw_int8_groups_restore_w8a8);
const qw_codec qw_codec_qrazor_int8 = QW_CODEC("qrazor_int8", qw_int8_groups_restore_qrazor);
#undef QW_CODEC
