// Bit planes from codes, and affine codes as BCQ.
#include <atomic>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "cpu/parallel.h"
#include "linear/float16.h"
#include "linear/lanes.h"
#include "solve/bcq/bcq.h"
#include "solve/bcq/planes.h"

namespace {
constexpr int64_t kTaskRows = 16;
}

void qw_bcq_lay_row(const uint8_t* codes, int64_t cols, int bits, uint8_t offset, uint32_t* planes, int64_t rows) {
  constexpr uint64_t kOnes = 0x0101010101010101u, kGather = 0x0102040810204080u;  // bit 0 of byte k to bit 56 + k
  for (int64_t word = 0; word * 32 < cols; ++word) {
    uint32_t plane[QW_BCQ_MOST_BITS] = {};
    for (int part = 0; part < 4; ++part) {
      uint64_t eight;
      std::memcpy(&eight, codes + word * 32 + part * 8, 8);
      eight = qw_add_bytes(eight, offset);
      for (int i = 0; i < bits; ++i) plane[i] |= uint32_t((eight >> i & kOnes) * kGather >> 56) << (8 * part);
    }
    if (cols - word * 32 < 32) {
      for (uint32_t& one : plane) one &= (1u << (cols - word * 32)) - 1;
    }
    for (int i = 0; i < bits; ++i) planes[(word * bits + i) * rows] = plane[i];
  }
}

qw_status qw_bcq_from_codes(const qw_affine* affine, int bits, qw_pool* pool, uint32_t* planes, float* alpha, float* q_bias) {
  const int64_t rows = affine->rows, cols = affine->cols;
  if (rows < 1 || cols < 1 || affine->group_size < 1 || affine->codes.layout != QW_CODES_BYTES) {
    return qw_error(QW_INVALID_ARGUMENT, "bcq: codes of %lld x %lld in groups of %lld: needs bytes, and rows, columns and groups of at least 1",
                    (long long)rows, (long long)cols, (long long)affine->group_size);
  }
  if (bits < 1 || bits > QW_BCQ_MOST_BITS) return qw_error(QW_UNSUPPORTED, "bcq: codes of %d bits; 1, 2, 3 and 4 are supported", bits);
  const int64_t groups = (cols + affine->group_size - 1) / affine->group_size;
  const uint8_t offset = affine->codes.is_signed ? uint8_t(1 << (bits - 1)) : uint8_t(0);
  const uint8_t* codes = static_cast<const uint8_t*>(affine->codes.data);
  const auto read = [rows, groups](const qw_params& params, int64_t row, int64_t group) {
    return qw_read_typed(params.type, params.data, params.by_group ? group * rows + row : row * groups + group);
  };
  std::atomic<int64_t> beyond{std::numeric_limits<int64_t>::max()};
  std::atomic<bool> out_of_memory{false};
  const auto convert = [&](int64_t row, std::vector<uint8_t>& row_codes) {
    std::memcpy(row_codes.data(), codes + row * cols, size_t(cols));
    for (int64_t k = 0; k < cols; ++k) {
      if (uint8_t(row_codes[size_t(k)] + offset) >> bits == 0) continue;
      int64_t seen = beyond.load();
      while (row * cols + k < seen && !beyond.compare_exchange_weak(seen, row * cols + k)) {
      }
      break;
    }
    qw_bcq_lay_row(row_codes.data(), cols, bits, offset, planes + row, rows);
    for (int64_t group = 0; group < groups; ++group) {
      const float scale = read(affine->scale, row, group), zero = read(affine->zero, row, group);
      for (int i = 0; i < bits; ++i) alpha[(group * bits + i) * rows + row] = scale * (float(1 << i) * 0.5f);
      // sum of alpha = scale (2^bits - 1) / 2; one rounding of the whole
      const double middle = double((1 << bits) - 1) * 0.5 - double(offset);
      q_bias[group * rows + row] = float(double(scale) * (middle - double(zero)));
    }
  };
  qw::parallel(pool, (rows + kTaskRows - 1) / kTaskRows, 1, [&](int64_t begin, int64_t end, int) {
    try {
      std::vector<uint8_t> row_codes(size_t((cols + 31) / 32 * 32));
      for (int64_t row = begin * kTaskRows; row < end * kTaskRows && row < rows; ++row) convert(row, row_codes);
    } catch (const std::bad_alloc&) {
      out_of_memory = true;
    }
  });
  if (out_of_memory) return qw_error(QW_OUT_OF_MEMORY, "bcq: no memory for a row of %lld codes", (long long)cols);
  const int64_t bad = beyond.load();
  if (bad != std::numeric_limits<int64_t>::max()) {
    return qw_error(QW_INVALID_ARGUMENT, "bcq: the code at row %lld, column %lld does not fit %d bits", (long long)(bad / cols), (long long)(bad % cols), bits);
  }
  return qw_ok();
}
