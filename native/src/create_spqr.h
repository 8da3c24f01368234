// createWeight for SpqrWeightSpec.
#pragma once
#include "arguments.h"

namespace quantwright {

Napi::Value create_spqr(Napi::Env env, const Named& spec);

}  // namespace quantwright
