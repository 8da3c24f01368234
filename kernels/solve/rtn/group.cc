#include "solve/rtn/group.h"

#include <limits>

#include "cpu/pick.h"

namespace {

// ist and qllm search: p = 1 - i / 100 for 80 steps.
constexpr int kSteps = 80, kGrid = 100;

// DeepSpeed's BinaryQuantizer (mean |x|) and TernaryQuantizer (the mean of what is above 0.7 mean |x|), with sums in f64.
qw_rtn_grid fit_signs(const qw_rtn_line& line, int bits, const float* x, int64_t count) {
  double sum = 0, above = 0;
  int64_t number = 0;
  line.magnitudes(x, count, 0.0f, &sum, &number);
  const float mean = float(sum / double(count)), threshold = 0.7f * mean;
  if (bits == 1 || threshold == 0.0f) return qw_rtn_signs(0.0f, mean);
  line.magnitudes(x, count, threshold, &above, &number);
  return qw_rtn_signs(threshold, number == 0 ? 0.0f : float(above / double(number)));
}

}  // namespace

const qw_rtn_line& qw_rtn_line_in_force() {
  static constexpr qw::Version<const qw_rtn_line> kVersions[] = {
      {QW_SIMD_SERIAL, &qw_rtn_line_serial},
      QW_X86({QW_SIMD_AVX2, &qw_rtn_line_avx2}, {QW_SIMD_AVX512, &qw_rtn_line_avx512})
      QW_ARM({QW_SIMD_NEON, &qw_rtn_line_neon})
  };
  return *qw::best_version(kVersions);
}

qw_rtn_grid qw_rtn_fit_group(const qw_rtn_line& line, const qw_rtn_options& options, const float* x, int64_t count, float ratio) {
  if (qw_rtn_is_signs(&options)) return fit_signs(line, options.bits, x, count);
  float smallest, largest;
  line.range(x, count, &smallest, &largest);
  qw_rtn_grid best = qw_rtn_fit(&options, smallest, largest, ratio);
  if (!options.mse || options.dialect == QW_RTN_INC) return best;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kSteps; ++i) {
    const qw_rtn_grid grid = qw_rtn_fit(&options, smallest, largest, float(1.0 - double(i) / kGrid));
    const double distance = line.distance(x, count, &grid, QW_RTN_POWER_2_4);
    if (distance < least) least = distance, best = grid;
  }
  return best;
}
