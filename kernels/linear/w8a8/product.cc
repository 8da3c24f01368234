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
  qw_w8a8_order orders[kSliceRows];  // of the blocks
  float* scales;
  int32_t* sums;
  const float* bias;
  float* y;
  int64_t ldy;

  int64_t depth() const { return weight->quads * 4; }
  int64_t block_begin(int64_t block) const { return std::min(rows, block * block_rows); }
  bool as_quantized(qw_w8a8_order order) const { return order == QW_W8A8_ROWS || (block_rows == 1 && order == QW_W8A8_QUADS); }
  char* block_packed(int64_t block) const { return packed + block_begin(block) * depth() * 2; }
  const void* block_values(int64_t block) const {
    return as_quantized(orders[block]) ? static_cast<const void*>(quantized + block_begin(block) * depth()) : block_packed(block);
  }
};

// Rows of one block, [row][depth].
struct Rows {
  const int8_t* q;
  int64_t height, quads;
};

void interleave(const Rows& rows, char* out) {
  for (int64_t i = 0; i < rows.height; ++i) {
    for (int64_t quad = 0; quad < rows.quads; ++quad) std::memcpy(out + (quad * rows.height + i) * 4, rows.q + (i * rows.quads + quad) * 4, 4);
  }
}

void widen(const Rows& rows, char* out) {
  for (int64_t i = 0; i < rows.height; ++i) {
    for (int64_t quad = 0; quad < rows.quads; ++quad) {
      const int8_t* q = rows.q + (i * rows.quads + quad) * 4;
      const int16_t pairs[4] = {q[0], q[2], q[1], q[3]};
      std::memcpy(out + (quad * rows.height + i) * 8, pairs, 8);
    }
  }
}

// False: a row has so many pairs to be halved that 16-bit products take less time.
bool split(const Rows& rows, char* out) {
  const int64_t most = rows.quads / 4, depth = rows.quads * 4;
  interleave(rows, out);
  for (int64_t i = 0; i < rows.height; ++i) {
    char* halves = out + rows.height * depth + i * depth;
    int32_t count = 0;
    for (int64_t quad = 0; quad < rows.quads; ++quad) {
      const int8_t* q = rows.q + (i * rows.quads + quad) * 4;
      const int low = q[0] + q[1], high = q[2] + q[3];
      if (low >= -128 && low <= 128 && high >= -128 && high <= 128) continue;
      if (count == most) return false;
      int8_t kept[4], rest[4];
      for (int b = 0; b < 4; ++b) {
        kept[b] = int8_t(q[b] / 2);
        rest[b] = int8_t(q[b] - kept[b]);
      }
      const int32_t at = int32_t(quad);
      std::memcpy(out + (quad * rows.height + i) * 4, kept, 4);
      std::memcpy(halves + 4 + count * 8, &at, 4);
      std::memcpy(halves + 8 + count * 8, rest, 4);
      ++count;
    }
    std::memcpy(halves, &count, 4);
  }
  return true;
}

void pack_block(Slice& slice, int64_t block) {
  const int64_t begin = slice.block_begin(block), height = slice.block_begin(block + 1) - begin;
  const Rows rows = {slice.quantized + begin * slice.depth(), height, slice.weight->quads};
  char* out = slice.block_packed(block);
  qw_w8a8_order order = slice.kernels->order;
  if (order == QW_W8A8_SPLIT && !split(rows, out)) order = QW_W8A8_WIDE;
  if (order == QW_W8A8_WIDE) widen(rows, out);
  if (order == QW_W8A8_QUADS && !slice.as_quantized(order)) interleave(rows, out);
  slice.orders[block] = order;
}

void quantize_blocks(void* context, int64_t begin, int64_t end, int) {
  Slice& slice = *static_cast<Slice*>(context);
  const int64_t depth = slice.depth(), cols = slice.weight->base.cols;
  for (int64_t block = begin; block < end; ++block) {
    for (int64_t row = slice.block_begin(block); row < slice.block_begin(block + 1); ++row) {
      int8_t* q = slice.quantized + row * depth;
      slice.steps->quantize(slice.steps->context, slice.first + row, q, slice.scales + row, slice.sums + row);
      std::memset(q + cols, 0, size_t(depth - cols));
    }
    pack_block(slice, block);
  }
}

// Tasks count in pairs of tiles, which the wide kernels multiply together.
void multiply_tiles(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  const int64_t last = std::min(end * 2, slice.weight->tiles);
  for (int64_t tile = begin * 2; tile < last; tile += 2) {
    for (int64_t block = 0; block < slice.blocks; ++block) {
      const int64_t row = slice.block_begin(block);
      const qw_w8a8_block x = {slice.block_values(block), slice.orders[block], int(slice.block_begin(block + 1) - row), slice.scales + row, slice.sums + row,
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
