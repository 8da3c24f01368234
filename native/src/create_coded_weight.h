// createWeight for codes that are not integers on a line: values of a table (Table4WeightSpec) and 8-bit floats (F8WeightSpec).
#pragma once
#include "arguments.h"

namespace quantwright {

Napi::Value create_table4(Napi::Env env, const Named& spec);
Napi::Value create_f8(Napi::Env env, const Named& spec);

}  // namespace quantwright
