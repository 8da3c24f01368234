// createWeight for codecs w8a8 and w4a8: weights multiplied as integers with quantized activations.
#pragma once
#include "arguments.h"

namespace quantwright {

// code_bits: 8 (w8a8) or 4 (w4a8).
Napi::Value create_int8(Napi::Env env, const Named& spec, int code_bits);

}  // namespace quantwright
