// Blocks of 64 bytes that hold 16 weight rows, 4 bytes each: what q8, q4 and w8a8 lay out, from rows of one code per byte.
#pragma once
#include <stdint.h>
#include <string.h>

// Adds `offset` (mod 256) to each byte of `codes`.
inline uint64_t qw_add_bytes(uint64_t codes, uint8_t offset) {
  const uint64_t added = offset * 0x0101010101010101u, high = 0x8080808080808080u;
  return ((codes & ~high) + (added & ~high)) ^ ((codes ^ added) & high);
}

// Eight codes of `bits`, first to last column, as a q4 lane: byte b = column b (low nibble), column 4 + b (high nibble).
inline uint32_t qw_nibbles(const uint8_t (&codes)[8]) {
  uint32_t low, high;
  memcpy(&low, codes, 4);
  memcpy(&high, codes + 4, 4);
  return low | high << 4;
}

// Four codes of 8 bits or eight of 4 bits, first to last column from the lowest bits on, as a lane.
template <int kStep>
inline uint32_t qw_lane_of_word(uint32_t word) {
  if (kStep == 4) return word;
  uint32_t low = word & 0xffff, high = word >> 16;
  low = (low | low << 8) & 0x00ff00ffu;
  high = (high | high << 8) & 0x00ff00ffu;
  low = (low | low << 4) & 0x0f0f0f0fu;
  high = (high | high << 4) & 0x0f0f0f0fu;
  return low | high << 4;
}

// Blocks [0, blocks) of neighbouring tiles from GPTQ words [blocks, rows] of as many bits as the codes have: a word is a lane already, up to
// the order of 4-bit codes. `words` points at the first of `count` rows; tiles are `tile_bytes` apart. Reads whole stretches of a line.
template <int kStep>
void qw_pack_words(const uint8_t* words, int64_t rows, int64_t count, int64_t blocks, uint8_t* tiles, int64_t tile_bytes) {
  for (int64_t block = 0; block < blocks; ++block, words += rows * 4) {
    for (int64_t first = 0; first < count; first += 16) {
      uint32_t lanes[16] = {};
      if (count - first >= 16) {
        memcpy(lanes, words + first * 4, sizeof lanes);
      } else {
        memcpy(lanes, words + first * 4, size_t(count - first) * 4);
      }
      for (uint32_t& lane : lanes) lane = qw_lane_of_word<kStep>(lane);
      memcpy(tiles + first / 16 * tile_bytes + block * 64, lanes, sizeof lanes);
    }
  }
}

// Blocks [0, blocks) of one tile from `count` <= 16 rows of codes at least blocks * kStep long: kStep = 4 (8 bits) or 8 (4 bits) columns a
// lane. Rows from `count` on become zeros. Returns false when a code does not fit. Sixteen blocks at a time stay in the first-level cache.
template <int kStep>
bool qw_pack_lanes(const uint8_t* codes, int64_t ld, int64_t count, int64_t blocks, uint8_t offset, uint8_t* tile) {
  uint64_t seen = 0;
  for (int64_t begin = 0; begin < blocks; begin += 16) {
    const int64_t end = begin + 16 < blocks ? begin + 16 : blocks;
    for (int64_t r = 0; r < 16; ++r) {
      uint8_t* lane = tile + begin * 64 + r * 4;
      if (r >= count) {
        for (int64_t block = begin; block < end; ++block, lane += 64) memset(lane, 0, 4);
        continue;
      }
      const uint8_t* from = codes + r * ld + begin * kStep;
      for (int64_t block = begin; block < end; ++block, lane += 64, from += kStep) {
        uint64_t eight = 0;
        memcpy(&eight, from, kStep);
        eight = qw_add_bytes(eight, offset);
        if (kStep == 4) {
          memcpy(lane, &eight, 4);
          continue;
        }
        seen |= eight;
        uint8_t bytes[8];
        memcpy(bytes, &eight, 8);
        const uint32_t word = qw_nibbles(bytes);
        memcpy(lane, &word, 4);
      }
    }
  }
  return kStep == 4 || (seen & 0xf0f0f0f0f0f0f0f0u) == 0;
}
