// Lays rows of one code a byte out as the lines of a tile (grouped.h).
#pragma once
#include <string.h>

#include "linear/grouped/grouped.h"
#include "linear/lanes.h"

// Codes of one row of block `block`, in columns order, into a tile of zeros. What a code has above kBits is dropped.
template <int kBits>
inline void qw_pack_block(const uint8_t* codes, int64_t block, int64_t row, uint8_t* tile) {
  const int low_bits = qw_grouped_low_bits(kBits), high_bits = kBits - low_bits, per_byte = 8 / low_bits, quads = qw_grouped_step(kBits) / 4;
  const uint32_t each_byte = 0x01010101u, low_mask = ((1u << low_bits) - 1) * each_byte, high_mask = ((1u << high_bits) - 1) * each_byte;
  int64_t high_line;
  const int64_t low_line = qw_grouped_line(kBits, block, &high_line);
  uint32_t low[2] = {}, high = 0;  // every byte apart: nothing is shifted from one to the next
  for (int q = 0; q < quads; ++q) {
    uint32_t quad;
    memcpy(&quad, codes + 4 * q, 4);
    low[q / per_byte] |= (quad & low_mask) << (q % per_byte * low_bits);
    if (high_bits > 0) high |= (quad >> low_bits & high_mask) << (high_bits * q);
  }
  tile += row * 4;
  memcpy(tile + low_line * QW_LINE_BYTES, low, 4);
  if (quads > per_byte) memcpy(tile + (low_line + 1) * QW_LINE_BYTES, low + 1, 4);
  if (high_bits == 0) return;
  if (high_bits == 1) {
    uint32_t other;
    memcpy(&other, tile + high_line * QW_LINE_BYTES, 4);
    high = other | high << (4 * (block & 1));
  }
  memcpy(tile + high_line * QW_LINE_BYTES, &high, 4);
}

// One tile from `count` <= 16 rows of codes, ld apart. columns: the column of every packed position, -1 = padding, or NULL: as they lie.
// Adds `offset` (mod 256) to each code; returns false when one does not fit. Sixteen blocks at a time stay in the first-level cache.
template <int kBits>
bool qw_pack_tile(const uint8_t* codes, int64_t ld, int64_t count, int64_t blocks, const int32_t* columns, uint8_t offset, uint8_t* tile) {
  constexpr int kStep = kBits == 8 ? 4 : kBits == 4 ? 8 : 16;
  if constexpr (kBits == 4 || kBits == 8) {
    if (columns == nullptr) return qw_pack_lanes<kStep>(codes, ld, count, blocks, offset, tile);
  }
  memset(tile, 0, size_t(qw_grouped_lines(kBits, blocks) * QW_LINE_BYTES));
  uint64_t seen = 0;
  for (int64_t begin = 0; begin < blocks; begin += 16) {
    const int64_t end = begin + 16 < blocks ? begin + 16 : blocks;
    for (int64_t r = 0; r < count; ++r) {
      const uint8_t* row = codes + r * ld;
      for (int64_t block = begin; block < end; ++block) {
        uint8_t bytes[16] = {};
        if (columns != nullptr) {
          const int32_t* at = columns + block * kStep;
          for (int j = 0; j < kStep; ++j) bytes[j] = at[j] < 0 ? 0 : uint8_t(row[at[j]] + offset);
        } else {
          for (int j = 0; j < kStep; j += 8) {
            uint64_t eight;
            memcpy(&eight, row + block * kStep + j, 8);
            eight = qw_add_bytes(eight, offset);
            memcpy(bytes + j, &eight, 8);
          }
        }
        uint64_t halves[2];
        memcpy(halves, bytes, 16);
        seen |= halves[0] | halves[1];
        qw_pack_block<kBits>(bytes, block, r, tile);
      }
    }
  }
  return kBits == 8 || (seen & (0xffu >> kBits << kBits) * 0x0101010101010101u) == 0;
}

inline bool qw_pack_tile_of(int bits, const uint8_t* codes, int64_t ld, int64_t count, int64_t blocks, const int32_t* columns,
                            uint8_t offset, uint8_t* tile) {
  switch (bits) {
    case 2: return qw_pack_tile<2>(codes, ld, count, blocks, columns, offset, tile);
    case 3: return qw_pack_tile<3>(codes, ld, count, blocks, columns, offset, tile);
    case 4: return qw_pack_tile<4>(codes, ld, count, blocks, columns, offset, tile);
    case 5: return qw_pack_tile<5>(codes, ld, count, blocks, columns, offset, tile);
    case 6: return qw_pack_tile<6>(codes, ld, count, blocks, columns, offset, tile);
    default: return qw_pack_tile<8>(codes, ld, count, blocks, columns, offset, tile);
  }
}
