// The quantizers, widen and the packers of native/ts/binding.ts.
#pragma once
#include <napi.h>

#include "arguments.h"
#include "solve/rtn/rtn.h"

namespace quantwright {
// RtnOptions.
qw_rtn_options rtn_options(const Named& given);

Napi::Value quantize_rtn(const Napi::CallbackInfo& info);
Napi::Value rtn_values(const Napi::CallbackInfo& info);
Napi::Value quantize_rtn_to_file(const Napi::CallbackInfo& info);
Napi::Value copy_to_file(const Napi::CallbackInfo& info);
Napi::Value factor_hessian(const Napi::CallbackInfo& info);
Napi::Value quantize_gptq(const Napi::CallbackInfo& info);
Napi::Value quantize_qrazor(const Napi::CallbackInfo& info);
Napi::Value quantize_table4(const Napi::CallbackInfo& info);
Napi::Value quantize_bcq(const Napi::CallbackInfo& info);
Napi::Value convert_to_bcq(const Napi::CallbackInfo& info);
Napi::Value quantize_spqr(const Napi::CallbackInfo& info);
Napi::Value widen(const Napi::CallbackInfo& info);
Napi::Value pack_gptq(const Napi::CallbackInfo& info);
Napi::Value unpack_gptq(const Napi::CallbackInfo& info);
Napi::Value pack_rows(const Napi::CallbackInfo& info);
Napi::Value unpack_rows(const Napi::CallbackInfo& info);
}  // namespace quantwright
