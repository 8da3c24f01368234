// QRazor alone: rows in parallel; a row is widened, its scales fitted, its groups razored.
//
// Cost: one division a weight leads, as in solve/rtn; the rest is a maximum and a few integer operations.
#include "solve/qrazor/qrazor.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <new>
#include <vector>

#include "cpu/parallel.h"
#include "cpu/smallest.h"
#include "linear/float16.h"
#include "pack/widen/widen.h"
#include "solve/qrazor/fit.h"
#include "solve/rtn/group.h"

namespace qw {

int sdr_round_group(const qw_qrazor_options& options, const float* x, int64_t count, float scale, int8_t* codes) {
  const SdrBase base = sdr_base_range(options);
  int q[kSdrMostGroup];
  uint32_t most = 0;
  for (int64_t i = 0; i < count; ++i) {
    q[i] = sdr_base(x[i], scale, base.low, base.high);
    most = std::max(most, uint32_t(std::abs(q[i])));
  }
  const SdrGroup group = sdr_group(most, options.bits, options.rule);
  for (int64_t i = 0; i < count; ++i) codes[i] = int8_t(sdr_code(q[i], group));
  return group.shift;
}

float sdr_fit_scale(const qw_qrazor_options& options, const float* x, int64_t count) {
  float smallest, largest;
  qw_rtn_line_in_force().range(x, count, &smallest, &largest);
  smallest = std::min(smallest, 0.0f), largest = std::max(largest, 0.0f);
  if (smallest == 0.0f && largest == 0.0f) smallest = -1.0f, largest = 1.0f;
  const float high = sdr_base_range(options).high;
  float scale = options.symmetric ? std::max(-smallest, largest) / high : (largest - smallest) / high;
  if (scale == 0.0f) scale = std::numeric_limits<float>::min();
  if (!options.comp_aware) return scale;
  // Least squares on the integers that the first scale gives: <x, q> / <q, q>.
  double products = 0, squares = 0;
  int8_t codes[kSdrMostGroup];
  for (int64_t first = 0; first < count; first += options.group_size) {
    const int64_t length = std::min(options.group_size, count - first);
    const int shift = sdr_round_group(options, x + first, length, scale, codes);
    for (int64_t i = 0; i < length; ++i) {
      const double q = double(int(codes[i]) * (1 << shift));
      products += double(x[first + i]) * q;
      squares += q * q;
    }
  }
  const float refitted = squares > 0 ? float(products / squares) : 0.0f;
  return refitted > 0 ? refitted : scale;
}

int64_t sdr_read_row(const qw_dense& source, int64_t row, float* x) {
  const char* bytes = static_cast<const char*>(source.data) + row * source.cols * qw_type_bytes(source.type);
  qw_widen_line()(source.type, bytes, source.cols, x);
  if (qw_rtn_line_in_force().magnitude(x, source.cols) < 0x7f800000u) return -1;
  int64_t column = 0;
  while (std::isfinite(x[column])) ++column;
  return column;
}

}  // namespace qw

qw_status qw_qrazor_plan(const qw_qrazor_options* options, int64_t rows, int64_t cols, int64_t* shifts, int64_t* scales) {
  const int64_t group = options->group_size, base_group = options->base_group_size;
  if (rows < 1 || cols < 1) {
    return qw_error(QW_INVALID_ARGUMENT, "qrazor: a matrix of %lld x %lld has nothing to round", (long long)rows, (long long)cols);
  }
  if (options->base_bits != 8 && options->base_bits != 16) {
    return qw_error(QW_UNSUPPORTED, "qrazor: a base of %d bits; 8 and 16 are supported", options->base_bits);
  }
  if (options->bits != 3 && options->bits != 4 && options->bits != 8) {
    return qw_error(QW_UNSUPPORTED, "qrazor: %d bits; 3, 4 and 8 are supported", options->bits);
  }
  if (options->rule != QW_QRAZOR_QLLM && options->rule != QW_QRAZOR_ORIGINAL) {
    return qw_error(QW_INVALID_ARGUMENT, "qrazor: unknown rule %d", int(options->rule));
  }
  if (options->rule == QW_QRAZOR_ORIGINAL && options->bits == 3) {
    return qw_error(QW_UNSUPPORTED, "qrazor: the bound of the rule original is written for 4 bits and lets 3 bits overflow; use the rule qllm");
  }
  if (group < 8 || group > qw::kSdrMostGroup || (group & (group - 1)) != 0) {
    return qw_error(QW_UNSUPPORTED, "qrazor: group_size %lld; 8, 16, 32, 64 and 128 are supported", (long long)group);
  }
  const bool along_inputs = options->axis == QW_QRAZOR_INPUTS;
  if (along_inputs && cols % group != 0) {
    return qw_error(QW_UNSUPPORTED, "qrazor: group_size %lld does not divide the %lld columns, so a group would run into the next row; use a smaller one",
                    (long long)group, (long long)cols);
  }
  if (base_group != -1 && (base_group < group || base_group % group != 0 || cols % base_group != 0)) {
    return qw_error(QW_INVALID_ARGUMENT, "qrazor: a scale for %lld columns; use -1 (one a row), or a multiple of group_size that divides the %lld columns",
                    (long long)base_group, (long long)cols);
  }
  *shifts = along_inputs ? rows * (cols / group) : (rows + group - 1) / group * cols;
  *scales = base_group == -1 ? rows : rows * (cols / base_group);
  return qw_ok();
}

qw_status qw_qrazor(const qw_dense* source, const qw_qrazor_options* options, qw_pool* pool, int8_t* codes, uint8_t* shifts, float* scale,
                    qw_rtn_result* result) {
  const int64_t rows = source->rows, cols = source->cols, group = options->group_size;
  int64_t shift_count, scale_count;
  const qw_status planned = qw_qrazor_plan(options, rows, cols, &shift_count, &scale_count);
  if (planned.code != QW_OK) return planned;
  if (options->axis != QW_QRAZOR_INPUTS) {
    return qw_error(QW_UNSUPPORTED, "qrazor: groups lie along inputs; only inside GPTQ can they lie along outputs");
  }
  const int64_t base_group = options->base_group_size == -1 ? cols : options->base_group_size;
  constexpr int64_t kTaskWeights = 64 * 1024;
  try {
    std::vector<double> signal(static_cast<size_t>(rows)), noise(static_cast<size_t>(rows));
    std::atomic<int64_t> not_finite{qw::kNoPlace};
    qw::parallel(pool, rows, std::max<int64_t>(1, kTaskWeights / cols), [&](int64_t begin, int64_t end, int) {
      std::vector<float> x(static_cast<size_t>(cols));
      for (int64_t row = begin; row < end; ++row) {
        if (const int64_t bad = qw::sdr_read_row(*source, row, x.data()); bad >= 0) {
          qw::lower(not_finite, row * cols + bad);
          continue;
        }
        for (int64_t first = 0; first < cols; first += base_group) {
          const float fitted = qw::sdr_fit_scale(*options, x.data() + first, base_group);
          scale[(row * cols + first) / base_group] = fitted;
          for (int64_t at = first; at < first + base_group; at += group) {
            int8_t* out = codes + row * cols + at;
            const int shift = qw::sdr_round_group(*options, x.data() + at, group, fitted, out);
            shifts[(row * cols + at) / group] = uint8_t(shift);
            for (int64_t i = 0; i < group; ++i) {
              const double w = double(x[size_t(at + i)]), difference = w - double(float(int(out[i]) * (1 << shift)) * fitted);
              signal[size_t(row)] += w * w;
              noise[size_t(row)] += difference * difference;
            }
          }
        }
      }
    });
    double signals = 0, noises = 0;
    for (int64_t row = 0; row < rows; ++row) signals += signal[size_t(row)], noises += noise[size_t(row)];
    const int64_t bad = not_finite.load();
    result->sqnr_db = noises == 0 ? std::numeric_limits<double>::infinity() : 10.0 * std::log10(signals / noises);
    result->mse = noises / double(rows * cols);
    result->not_finite_row = bad == qw::kNoPlace ? -1 : bad / cols;
    result->not_finite_col = bad == qw::kNoPlace ? -1 : bad % cols;
    return qw_ok();
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "qrazor: no memory for the row buffers of a %lld x %lld matrix", (long long)rows, (long long)cols);
  }
}
