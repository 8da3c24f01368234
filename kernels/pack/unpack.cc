// Words -> codes. Bands of rows keep the lines that GPTQ's column-wise words are scattered to in the cache.
#include <algorithm>
#include <cstring>

#include "cpu/parallel.h"
#include "pack/pack.h"
#include "pack/words.h"

namespace {

constexpr int64_t kBandRows = 64;  // 256 contiguous bytes of every row of words, and 64 lines of codes being written

// The lowest eight fields of `word`, one per byte.
template <int kBits>
uint64_t spread(uint64_t word) {
  if (kBits == 4) {
    word = (word | word << 16) & 0x0000ffff0000ffffu;
    word = (word | word << 8) & 0x00ff00ff00ff00ffu;
    return (word | word << 4) & 0x0f0f0f0f0f0f0f0fu;
  }
  word &= 0xffffu;
  word = (word | word << 24) & 0x000000ff000000ffu;
  word = (word | word << 12) & 0x000f000f000f000fu;
  return (word | word << 6) & 0x0303030303030303u;
}

// One whole word of a 2, 4 or 8 bit stream on a little-endian machine.
template <int kBits>
void unpack_word(uint32_t word, uint8_t* codes) {
  if (kBits == 8) {
    std::memcpy(codes, &word, 4);
    return;
  }
  for (int half = 0; half < 4 / kBits; ++half) {
    const uint64_t eight = spread<kBits>(word >> (16 * half));
    std::memcpy(codes + 8 * half, &eight, 8);
  }
}

// Any width, any count up to 32.
void unpack_run(const uint32_t* words, int64_t count, int bits, uint8_t* codes) {
  const uint32_t mask = (1u << bits) - 1;
  uint64_t buffer = 0;
  int filled = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (filled < bits) {
      buffer |= uint64_t(qw_little_endian(*words++)) << filled;
      filled += 32;
    }
    codes[i] = uint8_t(buffer & mask);
    buffer >>= bits;
    filled -= bits;
  }
}

// Where word w of row r lies: words + (w * word_step + r * row_step) * 4.
struct Lines {
  const char* words;
  int64_t word_step, row_step;
  uint32_t word(int64_t w, int64_t r) const {
    uint32_t value;
    std::memcpy(&value, words + (w * word_step + r * row_step) * 4, 4);
    return value;
  }
};

// Columns [begin, cols) of `count` rows, run by run.
void unpack_runs(const Lines& lines, int64_t begin, int64_t cols, int bits, int64_t count, uint8_t* codes, int64_t ld) {
  const int64_t total = qw_pack_words(cols, bits);
  for (int64_t column = begin; column < cols; column += QW_PACK_RUN) {
    const int64_t first = column / QW_PACK_RUN * bits, used = std::min<int64_t>(bits, total - first);
    for (int64_t r = 0; r < count; ++r) {
      uint32_t stream[8] = {};
      for (int64_t w = 0; w < used; ++w) stream[w] = lines.word(first + w, r);
      unpack_run(stream, std::min<int64_t>(QW_PACK_RUN, cols - column), bits, codes + r * ld + column);
    }
  }
}

// Rows inside the loop when they are what is contiguous.
template <int kBits>
void unpack_whole_words(const Lines& lines, int64_t words, int64_t count, uint8_t* codes, int64_t ld) {
  constexpr int kCodes = 32 / kBits;
  if (lines.row_step == 1) {
    for (int64_t w = 0; w < words; ++w) {
      for (int64_t r = 0; r < count; ++r) unpack_word<kBits>(lines.word(w, r), codes + r * ld + w * kCodes);
    }
    return;
  }
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t w = 0; w < words; ++w) unpack_word<kBits>(lines.word(w, r), codes + r * ld + w * kCodes);
  }
}

void unpack_lines(const Lines& lines, int64_t cols, int bits, int64_t count, uint8_t* codes, int64_t ld) {
  int64_t done = 0;
  if ((bits == 2 || bits == 4 || bits == 8) && qw_is_little_endian()) {
    done = cols / QW_PACK_RUN * QW_PACK_RUN;
    if (bits == 2) unpack_whole_words<2>(lines, done / 16, count, codes, ld);
    if (bits == 4) unpack_whole_words<4>(lines, done / 8, count, codes, ld);
    if (bits == 8) unpack_whole_words<8>(lines, done / 4, count, codes, ld);
  }
  unpack_runs(lines, done, cols, bits, count, codes, ld);
}

}  // namespace

void qw_unpack_gptq_band(const void* words, int64_t rows, int64_t cols, int bits, int64_t row, int64_t count, uint8_t* codes, int64_t ld) {
  unpack_lines({static_cast<const char*>(words) + row * 4, rows, 1}, cols, bits, count, codes, ld);
}

void qw_unpack_rows_band(const void* words, int64_t cols, int bits, int64_t row, int64_t count, uint8_t* codes, int64_t ld) {
  const int64_t total = qw_pack_words(cols, bits);
  unpack_lines({static_cast<const char*>(words) + row * total * 4, 1, total}, cols, bits, count, codes, ld);
}

int64_t qw_field_words(int64_t count, int bits) { return (count + 32 / bits - 1) / (32 / bits); }

// Source: vllm-project/compressed-tensors compressors/quantized_compressors/pack_quantized.py :: pack_to_int32, as of October 2025.
void qw_unpack_fields_band(const void* words, int64_t cols, int bits, int64_t row, int64_t count, uint8_t* codes, int64_t ld) {
  const int64_t fields = 32 / bits, total = qw_field_words(cols, bits);
  const uint32_t mask = (1u << bits) - 1;
  for (int64_t r = 0; r < count; ++r) {
    const char* line = static_cast<const char*>(words) + (row + r) * total * 4;
    for (int64_t w = 0; w < total; ++w) {
      uint32_t word;
      std::memcpy(&word, line + w * 4, 4);
      word = qw_little_endian(word);
      const int64_t end = std::min(cols, (w + 1) * fields);
      for (int64_t c = w * fields; c < end; ++c, word >>= bits) codes[r * ld + c] = uint8_t(word & mask);
    }
  }
}

// Source of the order: casper-hansen/AutoAWQ awq/modules/linear/gemm.py :: WQLinear_GEMM.from_linear.
void qw_unpack_awq_band(const void* words, int64_t rows, int64_t cols, int64_t row, int64_t count, uint8_t* codes, int64_t ld) {
  constexpr int64_t kTile = 64;  // columns: with as many rows, 4 KiB of codes being written
  static const int output[8] = {0, 2, 4, 6, 1, 3, 5, 7};
  const char* base = static_cast<const char*>(words) + row / 8 * 4;
  const int64_t line = rows / 8 * 4;
  for (int64_t first = 0; first < cols; first += kTile) {
    const int64_t end = std::min(cols, first + kTile);
    for (int64_t eight = 0; eight < count / 8; ++eight) {
      for (int64_t c = first; c < end; ++c) {
        uint32_t word;
        std::memcpy(&word, base + c * line + eight * 4, 4);
        word = qw_little_endian(word);
        for (int i = 0; i < 8; ++i) codes[(eight * 8 + output[i]) * ld + c] = uint8_t(word >> (4 * i) & 15u);
      }
    }
  }
}

qw_status qw_unpack_gptq(const void* words, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint8_t* codes) {
  const qw_status checked = qw_pack_check("GPTQ unpacking", rows, cols, bits);
  if (checked.code != QW_OK) return checked;
  qw::parallel(pool, (rows + kBandRows - 1) / kBandRows, std::max<int64_t>(1, QW_PACK_TASK_CODES / (kBandRows * cols + 1)),
               [&](int64_t begin, int64_t end, int) {
                 for (int64_t row = begin * kBandRows; row < std::min(rows, end * kBandRows); row += kBandRows) {
                   qw_unpack_gptq_band(words, rows, cols, bits, row, std::min(kBandRows, rows - row), codes + row * cols, cols);
                 }
               });
  return qw_ok();
}

qw_status qw_unpack_rows(const void* words, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint8_t* codes) {
  const qw_status checked = qw_pack_check("unpacking", rows, cols, bits);
  if (checked.code != QW_OK) return checked;
  qw::parallel(pool, rows, std::max<int64_t>(1, QW_PACK_TASK_CODES / (cols + 1)), [&](int64_t begin, int64_t end, int) {
    qw_unpack_rows_band(words, cols, bits, begin, end - begin, codes + begin * cols, cols);
  });
  return qw_ok();
}
