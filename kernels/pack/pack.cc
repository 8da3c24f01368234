// Codes <-> words, line by line. 32 codes are exactly `bits` words at every width, so a line is handled in such runs.
#include "pack/pack.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "cpu/parallel.h"

namespace {

constexpr int64_t kRun = 32;               // codes of `bits` words
constexpr int64_t kTaskCodes = 64 * 1024;  // what a task of the pool packs: about 50 us

bool little_endian() {
  const uint32_t one = 1;
  uint8_t first;
  std::memcpy(&first, &one, 1);
  return first == 1;
}

uint32_t swap_if_big(uint32_t word) {
  if (little_endian()) return word;
  return word << 24 | (word & 0xff00u) << 8 | (word >> 8 & 0xff00u) | word >> 24;
}

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
      *words++ = swap_if_big(uint32_t(buffer));
      buffer >>= 32;
      filled -= 32;
    }
  }
  if (filled > 0) *words = swap_if_big(uint32_t(buffer));
  return seen;
}

void unpack_run(const uint32_t* words, int64_t count, int bits, uint8_t* codes) {
  const uint32_t mask = (1u << bits) - 1;
  uint64_t buffer = 0;
  int filled = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (filled < bits) {
      buffer |= uint64_t(swap_if_big(*words++)) << filled;
      filled += 32;
    }
    codes[i] = uint8_t(buffer & mask);
    buffer >>= bits;
    filled -= bits;
  }
}

qw_status check(const char* what, int64_t rows, int64_t cols, int bits) {
  if (bits != 2 && bits != 3 && bits != 4 && bits != 8) {
    return qw_error(QW_UNSUPPORTED, "%s: %d bits; 2, 3, 4 and 8 can be packed", what, bits);
  }
  if (rows < 0 || cols < 0) {
    return qw_error(QW_INVALID_ARGUMENT, "%s: negative shape %lld x %lld", what, (long long)rows, (long long)cols);
  }
  return qw_ok();
}

qw_status code_too_large(const char* what, const uint8_t* codes, int64_t cols, int64_t row, int bits) {
  int64_t column = 0;
  while (column < cols - 1 && codes[row * cols + column] < (1 << bits)) ++column;
  return qw_error(QW_INVALID_ARGUMENT, "%s: code %d at row %lld, column %lld does not fit %d bits", what, int(codes[row * cols + column]),
                  (long long)row, (long long)column, bits);
}

}  // namespace

int64_t qw_pack_words(int64_t count, int bits) { return (count * bits + 31) / 32; }

// A task takes runs of 32 columns (`bits` word rows) for all rows, so that the words it writes are contiguous.
qw_status qw_pack_gptq(const uint8_t* codes, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint32_t* words) {
  const qw_status checked = check("GPTQ packing", rows, cols, bits);
  if (checked.code != QW_OK) return checked;
  std::atomic<int64_t> bad_row{-1};
  const int64_t total = qw_pack_words(cols, bits);
  const auto pack = [&](int64_t begin, int64_t end, int) {
    for (int64_t run = begin; run < end; ++run) {
      const int64_t column = run * kRun, count = std::min(kRun, cols - column), used = std::min<int64_t>(bits, total - run * bits);
      for (int64_t row = 0; row < rows; ++row) {
        uint32_t stream[8] = {};
        if (pack_run(codes + row * cols + column, count, bits, stream) >> bits) bad_row.store(row, std::memory_order_relaxed);
        for (int64_t w = 0; w < used; ++w) words[(run * bits + w) * rows + row] = stream[w];
      }
    }
  };
  qw::parallel(pool, (cols + kRun - 1) / kRun, std::max<int64_t>(1, kTaskCodes / (kRun * rows + 1)), pack);
  return bad_row < 0 ? qw_ok() : code_too_large("GPTQ packing", codes, cols, bad_row, bits);
}

qw_status qw_unpack_gptq(const void* words, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint8_t* codes) {
  const qw_status checked = check("GPTQ unpacking", rows, cols, bits);
  if (checked.code != QW_OK) return checked;
  const int64_t total = qw_pack_words(cols, bits);
  const char* bytes = static_cast<const char*>(words);
  const auto unpack = [&](int64_t begin, int64_t end, int) {
    for (int64_t run = begin; run < end; ++run) {
      const int64_t column = run * kRun, used = std::min<int64_t>(bits, total - run * bits);
      for (int64_t row = 0; row < rows; ++row) {
        uint32_t stream[8] = {};
        for (int64_t w = 0; w < used; ++w) std::memcpy(&stream[w], bytes + ((run * bits + w) * rows + row) * 4, 4);
        unpack_run(stream, std::min(kRun, cols - column), bits, codes + row * cols + column);
      }
    }
  };
  qw::parallel(pool, (cols + kRun - 1) / kRun, std::max<int64_t>(1, kTaskCodes / (kRun * rows + 1)), unpack);
  return qw_ok();
}

qw_status qw_pack_rows(const uint8_t* codes, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint32_t* words) {
  const qw_status checked = check("packing", rows, cols, bits);
  if (checked.code != QW_OK) return checked;
  std::atomic<int64_t> bad_row{-1};
  const int64_t total = qw_pack_words(cols, bits);
  const auto pack = [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      uint32_t seen = 0;
      for (int64_t column = 0; column < cols; column += kRun) {
        seen |= pack_run(codes + row * cols + column, std::min(kRun, cols - column), bits, words + row * total + column / kRun * bits);
      }
      if (seen >> bits) bad_row.store(row, std::memory_order_relaxed);
    }
  };
  qw::parallel(pool, rows, std::max<int64_t>(1, kTaskCodes / (cols + 1)), pack);
  return bad_row < 0 ? qw_ok() : code_too_large("packing", codes, cols, bad_row, bits);
}

qw_status qw_unpack_rows(const void* words, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint8_t* codes) {
  const qw_status checked = check("unpacking", rows, cols, bits);
  if (checked.code != QW_OK) return checked;
  const int64_t total = qw_pack_words(cols, bits);
  const char* bytes = static_cast<const char*>(words);
  const auto unpack = [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t column = 0; column < cols; column += kRun) {
        const int64_t first = column / kRun * bits;
        uint32_t stream[8] = {};
        std::memcpy(stream, bytes + (row * total + first) * 4, size_t(std::min<int64_t>(bits, total - first)) * 4);
        unpack_run(stream, std::min(kRun, cols - column), bits, codes + row * cols + column);
      }
    }
  };
  qw::parallel(pool, rows, std::max<int64_t>(1, kTaskCodes / (cols + 1)), unpack);
  return qw_ok();
}
