#pragma once
#include <napi.h>

namespace quantwright {
Napi::Value cpu_info(const Napi::CallbackInfo& info);
Napi::Value set_threads(const Napi::CallbackInfo& info);
}  // namespace quantwright
