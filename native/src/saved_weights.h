// restoreWeight, saveWeights, hashRange and savedLayouts of native/ts/binding.ts.
#pragma once
#include <napi.h>

namespace quantwright {

Napi::Value restore_weight(const Napi::CallbackInfo& info);
Napi::Value save_weights(const Napi::CallbackInfo& info);
Napi::Value hash_range(const Napi::CallbackInfo& info);
// 16 hexadecimal digits.
Napi::String saved_layouts(Napi::Env env);

}  // namespace quantwright
