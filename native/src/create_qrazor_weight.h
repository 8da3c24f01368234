// createWeight for QrazorWeightSpec.
#pragma once
#include "arguments.h"

namespace quantwright {

Napi::Value create_qrazor(Napi::Env env, const Named& spec);

}  // namespace quantwright
