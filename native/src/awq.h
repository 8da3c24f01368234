// awqWeightSums, awqFakeQuantize and awqClip of native/ts/transforms.ts.
#pragma once
#include <napi.h>

namespace quantwright {
Napi::Value awq_weight_sums(const Napi::CallbackInfo& info);
Napi::Value awq_fake_quantize(const Napi::CallbackInfo& info);
Napi::Value awq_clip(const Napi::CallbackInfo& info);
}  // namespace quantwright
