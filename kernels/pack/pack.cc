// Codes -> words, line by line. 32 codes are exactly `bits` words at every width, so a line is handled in such runs.
#include "pack/pack.h"

#include <algorithm>
#include <atomic>

#include "cpu/parallel.h"
#include "pack/words.h"

namespace {

// codes[0..count) -> words of the stream; count <= 32. Returns the OR of all codes, for the range check.
uint32_t pack_run(const uint8_t* codes, int64_t count, int bits, uint32_t* words) {
  uint32_t seen = 0;
  uint64_t buffer = 0;
  int filled = 0;
  for (int64_t i = 0; i < count; ++i) {
    seen |= codes[i];
    buffer |= uint64_t(codes[i]) << filled;
    filled += bits;
    if (filled >= 32) {
      *words++ = qw_little_endian(uint32_t(buffer));
      buffer >>= 32;
      filled -= 32;
    }
  }
  if (filled > 0) *words = qw_little_endian(uint32_t(buffer));
  return seen;
}

qw_status code_too_large(const char* what, const uint8_t* codes, int64_t cols, int64_t row, int bits) {
  int64_t column = 0;
  while (column < cols - 1 && codes[row * cols + column] < (1 << bits)) ++column;
  return qw_error(QW_INVALID_ARGUMENT, "%s: code %d at row %lld, column %lld does not fit %d bits", what, int(codes[row * cols + column]),
                  (long long)row, (long long)column, bits);
}

}  // namespace

qw_status qw_pack_check(const char* what, int64_t rows, int64_t cols, int bits) {
  if (bits < 2 || bits > 8) {
    return qw_error(QW_UNSUPPORTED, "%s: %d bits; 2 to 8 can be packed", what, bits);
  }
  if (rows < 0 || cols < 0) {
    return qw_error(QW_INVALID_ARGUMENT, "%s: negative shape %lld x %lld", what, (long long)rows, (long long)cols);
  }
  return qw_ok();
}

int64_t qw_pack_words(int64_t count, int bits) { return (count * bits + 31) / 32; }

// A task takes runs of 32 columns (`bits` word rows) for all rows, so that the words it writes are contiguous.
qw_status qw_pack_gptq(const uint8_t* codes, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint32_t* words) {
  const qw_status checked = qw_pack_check("GPTQ packing", rows, cols, bits);
  if (checked.code != QW_OK) return checked;
  std::atomic<int64_t> bad_row{-1};
  const int64_t total = qw_pack_words(cols, bits);
  const auto pack = [&](int64_t begin, int64_t end, int) {
    for (int64_t run = begin; run < end; ++run) {
      const int64_t column = run * QW_PACK_RUN, count = std::min(QW_PACK_RUN, cols - column);
      const int64_t used = std::min<int64_t>(bits, total - run * bits);
      for (int64_t row = 0; row < rows; ++row) {
        uint32_t stream[8] = {};
        if (pack_run(codes + row * cols + column, count, bits, stream) >> bits) bad_row.store(row, std::memory_order_relaxed);
        for (int64_t w = 0; w < used; ++w) words[(run * bits + w) * rows + row] = stream[w];
      }
    }
  };
  qw::parallel(pool, (cols + QW_PACK_RUN - 1) / QW_PACK_RUN, std::max<int64_t>(1, QW_PACK_TASK_CODES / (QW_PACK_RUN * rows + 1)), pack);
  return bad_row < 0 ? qw_ok() : code_too_large("GPTQ packing", codes, cols, bad_row, bits);
}

qw_status qw_pack_rows(const uint8_t* codes, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint32_t* words) {
  const qw_status checked = qw_pack_check("packing", rows, cols, bits);
  if (checked.code != QW_OK) return checked;
  std::atomic<int64_t> bad_row{-1};
  const int64_t total = qw_pack_words(cols, bits);
  const auto pack = [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      uint32_t seen = 0;
      for (int64_t column = 0; column < cols; column += QW_PACK_RUN) {
        uint32_t* to = words + row * total + column / QW_PACK_RUN * bits;
        seen |= pack_run(codes + row * cols + column, std::min(QW_PACK_RUN, cols - column), bits, to);
      }
      if (seen >> bits) bad_row.store(row, std::memory_order_relaxed);
    }
  };
  qw::parallel(pool, rows, std::max<int64_t>(1, QW_PACK_TASK_CODES / (cols + 1)), pack);
  return bad_row < 0 ? qw_ok() : code_too_large("packing", codes, cols, bad_row, bits);
}
