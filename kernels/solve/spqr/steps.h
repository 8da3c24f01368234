// line.h for the instruction set of the including file: loops over the 32 rows of a panel, which the compiler turns into vectors (serial.cc: not).
//
// Leave-one-out without g fits of g - 1 weights: a grid follows from the least and the largest weight alone. Without a weight that is neither (or that
// shares its value with another), the grid is the same and the error falls by that weight's own; only without the least, and without the largest, is
// the group rounded again. So: three roundings of a group instead of g + 1.
#pragma once
#include "linear/float16.h"
#include "solve/gptq/factor.h"
#include "solve/spqr/line.h"

namespace {

constexpr int kRows = int(qw::kGptqPanel);
constexpr float kLeastScale = 1e-9f, kMostHalf = 65504.0f;

struct SpqrGrid {
  float scale[kRows], zero[kRows];
};

inline void make_grid(const qw_spqr_fit& fit, const float* least, const float* largest, bool round_zero, SpqrGrid& grid) {
  for (int r = 0; r < kRows; ++r) {
    float low = least[r], high = largest[r];
    if (fit.symmetric) {
      const float below = -low;
      const float magnitude = low < 0.0f ? below : low;
      high = magnitude > high ? magnitude : high;
      low = low < 0.0f ? -high : low;
    }
    const bool constant = low == high;
    low = constant ? -1.0f : low;
    high = constant ? 1.0f : high;
    const float scale = (high - low) / fit.top, own = -low / scale;
    const float zero = round_zero ? __builtin_nearbyintf(own) : own;
    grid.scale[r] = scale;
    grid.zero[r] = fit.symmetric ? (fit.top + 1.0f) / 2.0f : zero;
  }
}

inline float code_of(float w, float scale, float zero, float top) {
  const float divisor = scale > kLeastScale ? scale : kLeastScale;
  float code = __builtin_nearbyintf(w / divisor + zero);
  code = code > 0.0f ? code : 0.0f;
  return code < top ? code : top;
}

inline float squared_error(float w, float scale, float zero, float top, float diagonal) {
  const float error = (scale * (code_of(w, scale, zero, top) - zero) - w) / diagonal;
  return error * error;
}

// guessed[k][r] = removal of weight k lowers the error by more than the threshold. These fits never round the zero: the reference's do not.
inline void guess_outliers(const qw_spqr_fit& fit, const float* least, const float* second_least, const float* largest, const float* second_largest) {
  SpqrGrid all, no_least, no_largest;
  make_grid(fit, least, largest, false, all);
  make_grid(fit, second_least, largest, false, no_least);
  make_grid(fit, least, second_largest, false, no_largest);
  float base[kRows] = {}, without_least[kRows] = {}, without_largest[kRows] = {};
  for (int64_t k = 0; k < fit.count; ++k) {
    const float* w = fit.w + k * kRows;
    const float diagonal = fit.diagonal[k];
    for (int r = 0; r < kRows; ++r) {
      base[r] += squared_error(w[r], all.scale[r], all.zero[r], fit.top, diagonal);
      const float low = squared_error(w[r], no_least.scale[r], no_least.zero[r], fit.top, diagonal);
      const float high = squared_error(w[r], no_largest.scale[r], no_largest.zero[r], fit.top, diagonal);
      without_least[r] += w[r] == least[r] ? 0.0f : low;
      without_largest[r] += w[r] == largest[r] ? 0.0f : high;
    }
  }
  for (int64_t k = 0; k < fit.count; ++k) {
    const float* w = fit.w + k * kRows;
    uint8_t* guessed = fit.guessed + k * kRows;
    const float diagonal = fit.diagonal[k];
    for (int r = 0; r < kRows; ++r) {
      const float own = squared_error(w[r], all.scale[r], all.zero[r], fit.top, diagonal);
      float reduction = own;
      reduction = w[r] == largest[r] && second_largest[r] != largest[r] ? base[r] - without_largest[r] : reduction;
      reduction = w[r] == least[r] && second_least[r] != least[r] ? base[r] - without_least[r] : reduction;
      guessed[r] = reduction > fit.threshold;
    }
  }
}

inline void fit_group(const qw_spqr_fit& fit) {
  constexpr float kInfinity = __builtin_inff();
  float least[kRows], second_least[kRows], largest[kRows], second_largest[kRows];
  for (int r = 0; r < kRows; ++r) {
    least[r] = second_least[r] = kInfinity;
    largest[r] = second_largest[r] = -kInfinity;
  }
  for (int64_t k = 0; k < fit.count; ++k) {
    const float* w = fit.w + k * kRows;
    for (int r = 0; r < kRows; ++r) {
      const float x = w[r], low = least[r], high = largest[r];
      const float above = x > low ? x : low, below = x < high ? x : high;  // the loser of each comparison
      least[r] = x < low ? x : low;
      largest[r] = x > high ? x : high;
      second_least[r] = above < second_least[r] ? above : second_least[r];
      second_largest[r] = below > second_largest[r] ? below : second_largest[r];
    }
  }
  if (fit.threshold < kInfinity && fit.count > 1) {
    guess_outliers(fit, least, second_least, largest, second_largest);
    // Guessed outliers count as the mean of the others; without others as 0.
    float sum[kRows] = {}, others[kRows] = {};
    for (int64_t k = 0; k < fit.count; ++k) {
      const float* w = fit.w + k * kRows;
      const uint8_t* guessed = fit.guessed + k * kRows;
      for (int r = 0; r < kRows; ++r) {
        sum[r] += guessed[r] ? 0.0f : w[r];
        others[r] += guessed[r] ? 0.0f : 1.0f;
      }
    }
    for (int r = 0; r < kRows; ++r) {
      const float mean = sum[r] / (others[r] > 1.0f ? others[r] : 1.0f);
      const bool any = others[r] < float(fit.count);
      least[r] = any ? mean : kInfinity;
      largest[r] = any ? mean : -kInfinity;
    }
    for (int64_t k = 0; k < fit.count; ++k) {
      const float* w = fit.w + k * kRows;
      const uint8_t* guessed = fit.guessed + k * kRows;
      for (int r = 0; r < kRows; ++r) {
        least[r] = !guessed[r] && w[r] < least[r] ? w[r] : least[r];
        largest[r] = !guessed[r] && w[r] > largest[r] ? w[r] : largest[r];
      }
    }
  }
  SpqrGrid grid;
  make_grid(fit, least, largest, fit.round_zero != 0, grid);
  for (int r = 0; r < kRows; ++r) {
    fit.scale[r] = grid.scale[r];
    fit.zero[r] = grid.zero[r];
  }
}

// An outlier keeps its weight: the code becomes that of 0, and what it lacks is kept beside it. Only the rounding of that value is left as error.
inline void keep_outlier(const qw_spqr_run& run, int r, float w, float pivot, float* code, float* outlier, float* error) {
  *code = code_of(0.0f, run.scale[r], run.zero[r], run.top);
  const float base = run.scale[r] * (*code - run.zero[r]);
  float rest = w - base;
  if (run.value_type == QW_F16) rest = rest > kMostHalf ? kMostHalf : rest < -kMostHalf ? -kMostHalf : rest;
  *outlier = qw_round_to_type(run.value_type, rest);
  *error = (w - (base + *outlier)) / pivot;
}

inline void run_columns(const qw_spqr_run& run) {
  for (int64_t i = run.begin; i < run.end; ++i) {
    const float* upper = run.upper + i * kRows;
    const int64_t next_panel = run.count * kRows;
    const float pivot = upper[i / kRows * next_panel + i % kRows];
    const float* w = run.w + i * kRows;
    float *codes = run.codes + i * kRows, *outlier = run.outlier + i * kRows, *minus_error = run.minus_error + i * kRows;
    float error[kRows];
    int32_t outliers = 0;
    for (int r = 0; r < kRows; ++r) {
      const float code = code_of(w[r], run.scale[r], run.zero[r], run.top);
      const float e = (w[r] - run.scale[r] * (code - run.zero[r])) / pivot;
      codes[r] = code;
      error[r] = e;
      outlier[r] = 0.0f;
      outliers += e * e > run.threshold ? 1 : 0;
    }
    for (int r = 0; outliers > 0 && r < kRows; ++r) {
      if (error[r] * error[r] > run.threshold) keep_outlier(run, r, w[r], pivot, codes + r, outlier + r, error + r);
    }
    for (int r = 0; r < kRows; ++r) {
      minus_error[r] = 0.0f - error[r];
      run.loss[r] += error[r] * error[r];
    }
    for (int64_t j = i + 1; j < run.count; ++j) {
      const float by = upper[j / kRows * next_panel + j % kRows];
      float* later = run.w + j * kRows;
      for (int r = 0; r < kRows; ++r) later[r] -= error[r] * by;
    }
  }
}

}  // namespace
