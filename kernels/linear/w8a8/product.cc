// Product of w8a8 tiles: quantizes the activations once per call, then hands tiles of weights to the kernel of the level in force.
#include "linear/w8a8/product.h"

#include <algorithm>
#include <cstring>

#include "cpu/pick.h"

namespace {

constexpr int64_t kSliceRows = 224;         // rows of x quantized at a time: bounds the scratch
constexpr int64_t kTaskBytes = 128 * 1024;  // weight bytes a task streams: about 10 us
constexpr int64_t kQuantizeTask = 1 << 15;  // activations a quantizing task takes

// Few rows are bound by memory: tiles of AMX would stand half empty.
constexpr int64_t kFewRows = 8;

const qw_w8a8_kernels& kernels_in_force(int64_t m) {
  static constexpr qw::Version<const qw_w8a8_kernels> kVersions[] = {
      {QW_SIMD_SERIAL, &qw_w8a8_serial},
      QW_X86({QW_SIMD_AVX2, &qw_w8a8_avx2})
      QW_X86_AVXVNNI({QW_SIMD_AVXVNNI, &qw_w8a8_avxvnni})
      QW_X86({QW_SIMD_AVX512, &qw_w8a8_avx512}, {QW_SIMD_AVX512VNNI, &qw_w8a8_avx512vnni})
      QW_ARM({QW_SIMD_NEON, &qw_w8a8_neon}, {QW_SIMD_NEONDOT, &qw_w8a8_neondot})
  };
  static constexpr qw::Version<const qw_w8a8_kernels> kForManyRows[] = {{QW_SIMD_SERIAL, nullptr}, QW_X86_AMX({QW_SIMD_AMX, &qw_w8a8_amx})};
  const qw_w8a8_kernels* many = m > kFewRows ? qw::best_version(kForManyRows) : nullptr;
  return many != nullptr ? *many : *qw::best_version(kVersions);
}

struct Slice {
  const qw_w8a8_weight* weight;
  const qw_w8a8_kernels* kernels;
  const qw::W8a8Steps* steps;
  int64_t first, rows, blocks, block_rows;  // of the product: rows first .. first + rows
  int8_t* quantized;  // [rows][depth]
  char* packed;       // blocks
  float* scales;
  int32_t* sums;
  const float* bias;
  float* y;
  int64_t ldy;

  int64_t depth() const { return weight->quads * 4; }
  int64_t block_begin(int64_t block) const { return std::min(rows, block * block_rows); }
  const void* block_values(int64_t block) const {
    if (kernels->order == QW_W8A8_ROWS || (block_rows == 1 && kernels->order == QW_W8A8_QUADS)) return quantized + block_begin(block) * depth();
    return packed + block_begin(block) * depth() * (kernels->order == QW_W8A8_WIDE ? 2 : 1);
  }
};

void interleave(const Slice& slice, int64_t block) {
  const int64_t begin = slice.block_begin(block), height = slice.block_begin(block + 1) - begin, depth = slice.depth();
  const bool wide = slice.kernels->order == QW_W8A8_WIDE;
  if (slice.kernels->order == QW_W8A8_ROWS || (slice.block_rows == 1 && !wide)) return;
  char* out = slice.packed + begin * depth * (wide ? 2 : 1);
  for (int64_t i = 0; i < height; ++i) {
    const int8_t* row = slice.quantized + (begin + i) * depth;
    for (int64_t quad = 0; quad < slice.weight->quads; ++quad) {
      const int8_t* q = row + quad * 4;
      if (wide) {
        const int16_t pairs[4] = {q[0], q[2], q[1], q[3]};
        std::memcpy(out + (quad * height + i) * 8, pairs, 8);
      } else {
        std::memcpy(out + (quad * height + i) * 4, q, 4);
      }
    }
  }
}

void quantize_blocks(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  const int64_t depth = slice.depth(), cols = slice.weight->base.cols;
  for (int64_t block = begin; block < end; ++block) {
    for (int64_t row = slice.block_begin(block); row < slice.block_begin(block + 1); ++row) {
      int8_t* q = slice.quantized + row * depth;
      slice.steps->quantize(slice.steps->context, slice.first + row, q, slice.scales + row, slice.sums + row);
      std::memset(q + cols, 0, size_t(depth - cols));
    }
    interleave(slice, block);
  }
}

// Tasks count in pairs of tiles, which the wide kernels multiply together.
void multiply_tiles(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  const int64_t last = std::min(end * 2, slice.weight->tiles);
  for (int64_t tile = begin * 2; tile < last; tile += 2) {
    for (int64_t block = 0; block < slice.blocks; ++block) {
      const int64_t row = slice.block_begin(block);
      const qw_w8a8_block x = {slice.block_values(block), int(slice.block_begin(block + 1) - row), slice.scales + row, slice.sums + row,
                                 slice.steps->zeros == nullptr ? nullptr : slice.steps->zeros + slice.first + row};
      slice.kernels->multiply(slice.weight, &x, slice.bias, slice.y + row * slice.ldy, slice.ldy, tile, std::min(tile + 2, last));
    }
    if (slice.steps->add != nullptr) slice.steps->add(slice.steps->context, slice.first, slice.first + slice.rows, tile, std::min(tile + 2, last));
  }
}

size_t align(size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

namespace qw {

size_t w8a8_scratch_bytes(const qw_w8a8_weight* weight, int64_t m) {
  const size_t rows = size_t(std::min(m, kSliceRows)), depth = size_t(weight->quads) * 4;
  return align(rows * depth) + align(rows * depth * 2) + 2 * align(rows * 4) + 64;
}

void w8a8_product(const qw_w8a8_weight* weight, const W8a8Steps& steps, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
                  qw_pool* pool) {
  Slice slice{};
  slice.weight = weight;
  slice.kernels = &kernels_in_force(m);
  slice.steps = &steps;
  slice.bias = bias;
  slice.ldy = ldy;
  const int64_t depth = slice.depth();
  for (int64_t first = 0; first < m; first += kSliceRows) {
    slice.rows = std::min(kSliceRows, m - first);
    slice.first = first;
    slice.y = y + first * ldy;
    slice.blocks = (slice.rows + slice.kernels->height - 1) / slice.kernels->height;
    slice.block_rows = (slice.rows + slice.blocks - 1) / slice.blocks;
    slice.blocks = (slice.rows + slice.block_rows - 1) / slice.block_rows;
    char* at = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch) + 63) / 64 * 64);
    slice.scales = reinterpret_cast<float*>(at);
    at += align(size_t(slice.rows) * 4);
    slice.sums = reinterpret_cast<int32_t*>(at);
    at += align(size_t(slice.rows) * 4);
    slice.quantized = reinterpret_cast<int8_t*>(at);
    slice.packed = at + align(size_t(slice.rows * depth));
    qw_parallel_for(pool, slice.blocks, std::max<int64_t>(1, kQuantizeTask / (slice.block_rows * depth)), quantize_blocks, &slice);
    const int64_t cost = 2 * QW_W8A8_TILE_ROWS * depth * std::max<int64_t>(1, slice.rows / 4);
    qw_parallel_for(pool, (slice.weight->tiles + 1) / 2, std::max<int64_t>(1, kTaskBytes / cost), multiply_tiles, &slice);
  }
}

}  // namespace qw
