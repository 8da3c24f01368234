// createWeight for codes that are not integers on a line: values of a table (Table4WeightSpec), 8-bit floats (F8WeightSpec) and sign planes
// (BcqWeightSpec).
#pragma once
#include "arguments.h"

namespace quantwright {

Napi::Value create_table4(Napi::Env env, const Named& spec);
Napi::Value create_f8(Napi::Env env, const Named& spec);
Napi::Value create_bcq(Napi::Env env, const Named& spec);

}  // namespace quantwright
