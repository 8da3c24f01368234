// The quantizers, widen and the packers of native/ts/binding.ts.
#pragma once
#include <napi.h>

namespace quantwright {
Napi::Value quantize_rtn(const Napi::CallbackInfo& info);
Napi::Value factor_hessian(const Napi::CallbackInfo& info);
Napi::Value quantize_gptq(const Napi::CallbackInfo& info);
Napi::Value widen(const Napi::CallbackInfo& info);
Napi::Value pack_gptq(const Napi::CallbackInfo& info);
Napi::Value unpack_gptq(const Napi::CallbackInfo& info);
Napi::Value pack_rows(const Napi::CallbackInfo& info);
Napi::Value unpack_rows(const Napi::CallbackInfo& info);
}  // namespace quantwright
