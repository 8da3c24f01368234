// editMatrix, columnMagnitudes, groupRanges and meanSquaredError of native/ts/binding.ts.
#pragma once
#include <napi.h>

namespace quantwright {
Napi::Value edit_matrix(const Napi::CallbackInfo& info);
Napi::Value column_magnitudes(const Napi::CallbackInfo& info);
Napi::Value group_ranges(const Napi::CallbackInfo& info);
Napi::Value mean_squared_error(const Napi::CallbackInfo& info);
}  // namespace quantwright
