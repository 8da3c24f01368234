// Result arrays: allocated by the JavaScript engine before the work starts and written in place by the worker, so that nothing is copied, and no
// external buffer is needed (runtimes with a memory cage, such as Electron, refuse those).
#pragma once
#include <napi.h>

#include <cstdlib>
#include <string>

#include "errors.h"

namespace quantwright {

// V8 ends the process when it cannot allocate, so large results ask the system first.
inline void require_memory(Napi::Env env, size_t bytes) {
  constexpr size_t large = size_t(64) << 20;
  if (bytes < large) return;
  void* probe = std::malloc(bytes);
  if (probe == nullptr) throw error_of(env, QW_OUT_OF_MEMORY, "Not enough memory for a result of " + std::to_string(bytes >> 20) + " MiB.");
  std::free(probe);
}

template <typename Array>
Array new_array(Napi::Env env, int64_t length, size_t element_bytes) {
  require_memory(env, size_t(length) * element_bytes);
  return Array::New(env, size_t(length));
}

inline Napi::Float32Array new_floats(Napi::Env env, int64_t length) { return new_array<Napi::Float32Array>(env, length, 4); }
inline Napi::Float64Array new_doubles(Napi::Env env, int64_t length) { return new_array<Napi::Float64Array>(env, length, 8); }
inline Napi::Uint8Array new_bytes(Napi::Env env, int64_t length) { return new_array<Napi::Uint8Array>(env, length, 1); }

// [row, column] of a matrix, or null for none (row -1).
inline Napi::Value place_or_null(Napi::Env env, int64_t row, int64_t column) {
  if (row < 0) return env.Null();
  Napi::Array at = Napi::Array::New(env, 2);
  at.Set(0u, double(row));
  at.Set(1u, double(column));
  return at;
}

}  // namespace quantwright
