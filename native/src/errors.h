// Statuses of the kernels and misuse of arguments as JavaScript errors with a `code` such as QW_INVALID_ARGUMENT.
#pragma once
#include <napi.h>

#include <string>

#include "abi/status.h"

namespace quantwright {

inline const char* code_name(qw_code code) {
  switch (code) {
    case QW_INVALID_ARGUMENT: return "QW_INVALID_ARGUMENT";
    case QW_UNSUPPORTED: return "QW_UNSUPPORTED";
    case QW_OUT_OF_MEMORY: return "QW_OUT_OF_MEMORY";
    case QW_IO: return "QW_IO";
    default: return "QW_INTERNAL";
  }
}

inline Napi::Error error_of(Napi::Env env, qw_code code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code_name(code)));
  return error;
}

inline Napi::Error error_of(Napi::Env env, const qw_status& status) { return error_of(env, status.code, status.message); }

inline Napi::Error invalid(Napi::Env env, const std::string& message) { return error_of(env, QW_INVALID_ARGUMENT, message); }

inline void throw_unless_ok(Napi::Env env, const qw_status& status) {
  if (status.code != QW_OK) throw error_of(env, status);
}

}  // namespace quantwright
