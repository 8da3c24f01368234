// GptqFactor of native/ts/binding.ts as quantizers take it.
#pragma once
#include "arguments.h"
#include "solve/gptq/gptq.h"

namespace quantwright {

struct GptqFactor {
  Array<float> upper;
  Array<int32_t> order;
  Array<uint8_t> dead;
};

// Throws when it is not that of a Hessian of `cols` columns.
inline GptqFactor gptq_factor(const Named& given, int64_t cols) {
  integer(field(given, "width"), cols, cols);
  return {floats(field(given, "upper"), qw_gptq_factor_size(cols)), integers(field(given, "order"), cols), unsigned_codes(field(given, "dead"), cols)};
}

}  // namespace quantwright
