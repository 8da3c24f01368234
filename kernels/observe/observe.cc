#include "observe/observe.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "cpu/parallel.h"
#include "cpu/pick.h"
#include "observe/triangle.h"

namespace {

// Two panels of 128 rows are 32 KiB: the first-level cache of every CPU this is for.
constexpr int64_t kRowsInCache = 128;

int64_t panels(int64_t width) { return (width + qw::kPanel - 1) / qw::kPanel; }

void pack_panel(const float* x, int64_t rows, int64_t width, int64_t panel, float* packed) {
  const int64_t first = panel * qw::kPanel, left = width - first, columns = left < qw::kPanel ? left : qw::kPanel;
  for (int64_t r = 0; r < rows; ++r, packed += qw::kPanel) {
    std::memcpy(packed, x + r * width + first, size_t(columns) * sizeof(float));
    if (columns < qw::kPanel) std::memset(packed + columns, 0, size_t(qw::kPanel - columns) * sizeof(float));
  }
}

// For twice the limit: pairs of bins become one, in the middle half.
void merge_pairs(std::vector<uint64_t>& counts) {
  std::vector<uint64_t> merged(counts.size(), 0);
  for (size_t k = 0; k < counts.size(); ++k) merged[counts.size() / 4 + k / 2] += counts[k];
  counts.swap(merged);
}

// The smallest power of two above `largest`; not so small that the width of a bin had no reciprocal.
float limit_above(float largest) {
  int exponent;
  std::frexp(largest, &exponent);
  return largest == 0 ? 0.0f : std::ldexp(1.0f, exponent < -64 ? -64 : exponent);
}

}  // namespace

extern "C" void qw_absmax(const float* x, int64_t rows, int64_t width, float* running, qw_pool* pool) {
  qw::Absmax* kernel = QW_PICK(qw::absmax);
  // Whole cache lines of `running` a thread, and at least about 3 us of work.
  int64_t grain = 64;
  while (grain * rows < 16384 && grain < width) grain *= 2;
  qw::parallel(pool, width, grain, [=](int64_t begin, int64_t end, int) { kernel(x + begin, rows, width, end - begin, running + begin); });
}

extern "C" void qw_range(const float* x, int64_t rows, int64_t width, float* out, qw_pool* pool) {
  qw::RangeRows* kernel = QW_PICK(qw::range_rows);
  const int64_t grain = width >= 16384 ? 1 : 16384 / width;
  qw::parallel(pool, rows, grain, [=](int64_t begin, int64_t end, int) { kernel(x + begin * width, end - begin, width, out + 2 * begin); });
}

void qw::Histogram::add(const float* x, int64_t rows, int64_t width, qw_pool* pool) {
  std::vector<float> ranges(size_t(2 * rows));
  qw_range(x, rows, width, ranges.data(), pool);
  for (const float edge : ranges) {
    if (!(std::fabs(edge) < 0x1p126f)) limit = std::numeric_limits<float>::infinity();
    if (edge < low) low = edge;
    if (edge > high) high = edge;
  }
  if (std::isinf(limit)) return;
  const int64_t bins = int64_t(counts.size());
  const float wanted = limit_above(high > -low ? high : -low);
  if (limit == 0) limit = wanted;  // only zeros so far: they stay where they are
  for (; limit < wanted; limit *= 2) merge_pairs(counts);
  const float scale = limit == 0 ? 0.0f : float(bins / 2) / limit;
  qw::CountBins* kernel = QW_PICK(qw::count_bins);
  const int64_t values = rows * width, share = 65536, tasks = (values + share - 1) / share;
  std::vector<uint32_t> found(size_t(bins * tasks), 0);
  qw::parallel(pool, tasks, 1, [=, &found](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) kernel(x + t * share, t + 1 < tasks ? share : values - t * share, scale, bins / 2, found.data() + t * bins);
  });
  for (int64_t t = 0; t < tasks; ++t) {
    for (int64_t k = 0; k < bins; ++k) counts[size_t(k)] += found[size_t(t * bins + k)];
  }
}

extern "C" int64_t qw_hessian_scratch(int64_t rows, int64_t width) { return panels(width) * qw::kPanel * rows; }

extern "C" void qw_hessian(const float* x, int64_t rows, int64_t width, float* gram, float* scratch, qw_pool* pool) {
  qw::GramBlock* kernel = QW_PICK(qw::gram_block);
  const int64_t count = panels(width), panel_elements = qw::kPanel * rows;
  qw::parallel(pool, count, 4, [=](int64_t begin, int64_t end, int) {
    for (int64_t p = begin; p < end; ++p) pack_panel(x, rows, width, p, scratch + p * panel_elements);
  });
  // A unit is one row of panels from the diagonal on: the longest first, so that the last one claimed is short.
  qw::parallel(pool, count, 1, [=](int64_t begin, int64_t end, int) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t top = p * qw::kPanel, first = top / qw::kTriangleBlock * qw::kTriangleBlock, stride = qw::triangle_block_rows(width, first);
      const int64_t columns = width - top < qw::kPanel ? width - top : qw::kPanel;
      float* block = gram + qw::triangle_offset(width, first) + (top - first);
      for (int64_t q = p; q < count; ++q) {
        const int64_t left = q * qw::kPanel, height = width - left < qw::kPanel ? width - left : qw::kPanel;
        for (int64_t r = 0; r < rows; r += kRowsInCache) {
          const int64_t part = rows - r < kRowsInCache ? rows - r : kRowsInCache;
          const float* a = scratch + q * panel_elements + r * qw::kPanel;
          const float* b = scratch + p * panel_elements + r * qw::kPanel;
          kernel(a, b, part, height, columns, block + (left - first) * stride, stride);
        }
      }
    }
  });
}

extern "C" int64_t qw_hessian_size(int64_t width) { return qw::triangle_size(width) + qw::kTriangleSlack; }

extern "C" void qw_hessian_unpack(const float* gram, int64_t width, float* out) {
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = i; j < width; ++j) out[i * width + j] = out[j * width + i] = gram[qw::symmetric_at(width, i, j)];
  }
}

extern "C" void qw_hessian_pack(const float* full, int64_t width, float* gram) {
  std::memset(gram, 0, size_t(qw_hessian_size(width)) * sizeof(float));
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j <= i; ++j) gram[qw::symmetric_at(width, j, i)] = full[i * width + j];
  }
}

extern "C" int64_t qw_hessian_not_finite(const float* gram, int64_t width) {
  for (int64_t i = 0; i < width; ++i) {
    if (!std::isfinite(gram[qw::symmetric_at(width, i, i)])) return i;
  }
  return -1;
}
