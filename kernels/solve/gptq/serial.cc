// The specification of line.h.
#include <cmath>

#include "solve/gptq/factor.h"
#include "solve/gptq/line.h"

void qw::gptq_block_serial(const qw_gptq_block& block) {
  for (int64_t i = 0; i < block.count; ++i) {
    for (int64_t row = 0; row < kGptqPanel; ++row) {
      const auto upper = [&](int64_t column) {
        return block.upper[(column / kGptqPanel * block.count + i) * kGptqPanel + column % kGptqPanel];
      };
      const float w = block.w[i * kGptqPanel + row], scale = block.scale[i][row], zero = block.zero[i][row];
      float code = std::nearbyint(w / scale) + zero;
      if (!(code > 0.0f)) code = 0.0f;
      if (code > block.top) code = block.top;
      const float error = (w - scale * (code - zero)) / upper(i);
      block.codes[i * kGptqPanel + row] = code;
      block.minus_error[i * kGptqPanel + row] = 0.0f - error;
      block.loss[row] += error * error;
      for (int64_t j = i + 1; j < block.count; ++j) block.w[j * kGptqPanel + row] -= error * upper(j);
    }
  }
}
