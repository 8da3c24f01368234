// Checks a 4-bit table weight as bitsandbytes stores it and lays it out (codec.h).
#include <cmath>
#include <cstring>
#include <new>
#include <numeric>

#include "linear/memory.h"
#include "linear/table4/codec.h"

namespace {

struct Packing {
  const qw_table4* from;
  qw_table4_weight* weight;
};

// Bytes of two columns, the first in the high nibble -> a lane of 8 columns.
uint32_t lane_of(const uint8_t* at) {
  uint32_t stored;
  std::memcpy(&stored, at, 4);
  const auto code = [stored](int column) { return stored >> (column / 2 * 8 + (column % 2 == 0 ? 4 : 0)) & 15; };
  uint32_t lane = 0;
  for (int b = 0; b < 4; ++b) lane |= (code(b) | code(4 + b) << 4) << (8 * b);
  return lane;
}

void pack_tiles(void* context, int64_t begin, int64_t end, int) {
  const Packing& packing = *static_cast<const Packing*>(context);
  const qw_table4& from = *packing.from;
  qw_table4_weight* weight = packing.weight;
  const uint8_t* codes = static_cast<const uint8_t*>(from.codes);
  const int64_t group_columns = weight->group_blocks * QW_TABLE4_STEP;
  for (int64_t tile = begin; tile < end; ++tile) {
    for (int64_t r = 0; r < QW_TABLE4_TILE; ++r) {
      const int64_t row = tile * QW_TABLE4_TILE + r;
      uint8_t* lane = weight->codes + tile * weight->blocks * QW_TABLE4_BLOCK_BYTES + r * 4;
      float* absmax = weight->absmax + tile * weight->groups * QW_TABLE4_TILE + r;
      for (int64_t block = 0; block < weight->blocks; ++block, lane += QW_TABLE4_BLOCK_BYTES) {
        const uint32_t word = row < from.rows ? lane_of(codes + (row * from.cols + block * QW_TABLE4_STEP) / 2) : 0;
        std::memcpy(lane, &word, 4);
      }
      for (int64_t group = 0; group < weight->groups; ++group, absmax += QW_TABLE4_TILE) {
        *absmax = row < from.rows ? from.absmax[(row * from.cols + group * group_columns) / from.block] : 0.0f;
      }
    }
  }
}

qw_status check(const qw_table4& from) {
  if (from.rows < 1 || from.cols < 1 || from.codes == nullptr || from.absmax == nullptr) {
    return qw_error(QW_INVALID_ARGUMENT, "table4 weight of %lld x %lld: needs codes, absmax, and rows and columns of at least 1",
                    (long long)from.rows, (long long)from.cols);
  }
  if (from.block < 1) return qw_error(QW_INVALID_ARGUMENT, "table4 weight: blocks of %lld values", (long long)from.block);
  const int64_t shared = std::gcd(from.cols, from.block);
  if (shared % QW_TABLE4_STEP != 0) {
    return qw_error(QW_UNSUPPORTED,
                    "table4 weight: blocks of %lld over rows of %lld columns change every %lld columns; a multiple of %d can be computed on",
                    (long long)from.block, (long long)from.cols, (long long)shared, int(QW_TABLE4_STEP));
  }
  const int64_t blocks = (from.rows * from.cols + from.block - 1) / from.block;
  for (int64_t i = 0; i < blocks; ++i) {
    if (!std::isfinite(from.absmax[i])) {
      return qw_error(QW_INVALID_ARGUMENT, "table4 weight: absmax %g of block %lld is not finite", double(from.absmax[i]), (long long)i);
    }
  }
  for (int i = 0; i < 16; ++i) {
    if (!std::isfinite(from.table[i])) {
      return qw_error(QW_INVALID_ARGUMENT, "table4 weight: value %g of code %d is not finite", double(from.table[i]), i);
    }
  }
  return qw_ok();
}

}  // namespace

qw_status qw_weight_table4(const qw_table4* from, qw_pool* pool, qw_weight** out) {
  *out = nullptr;
  const qw_status checked = check(*from);
  if (checked.code != QW_OK) return checked;
  qw_table4_weight* weight = new (std::nothrow) qw_table4_weight{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a table4 weight");
  weight->tiles = (from->rows + QW_TABLE4_TILE - 1) / QW_TABLE4_TILE;
  weight->blocks = from->cols / QW_TABLE4_STEP;
  weight->group_blocks = std::gcd(from->cols, from->block) / QW_TABLE4_STEP;
  weight->groups = weight->blocks / weight->group_blocks;
  std::memcpy(weight->table, from->table, sizeof weight->table);
  const size_t code_bytes = qw_table4_code_bytes(weight), absmax_bytes = qw_table4_absmax_bytes(weight);
  weight->base = {&qw_codec_table4, from->rows, from->cols, code_bytes + absmax_bytes, 0};
  weight->codes = static_cast<uint8_t*>(qw_weight_memory(code_bytes));
  weight->absmax = static_cast<float*>(qw_weight_memory(absmax_bytes));
  if (weight->codes == nullptr || weight->absmax == nullptr) {
    qw_codec_table4.destroy(&weight->base);
    return qw_error(QW_OUT_OF_MEMORY, "no memory for a table4 weight of %lld x %lld (%zu bytes)", (long long)from->rows,
                    (long long)from->cols, code_bytes + absmax_bytes);
  }
  Packing packing{from, weight};
  qw_parallel_for(pool, weight->tiles, 1, pack_tiles, &packing);
  *out = &weight->base;
  return qw_ok();
}
