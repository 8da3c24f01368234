// KvCache of native/ts/kv-cache.ts.
#pragma once
#include <vector>

#include "arguments.h"
#include "kv/kv.h"

namespace quantwright {

// The spec and the calibration that it points into.
struct KvCache {
  qw_kv_spec spec{};
  std::vector<qw_kv_calibration> layers;
  std::vector<std::vector<float>> values;
};

KvCache kv_cache_of(const Named& value);

Napi::Value trace_kv(const Napi::CallbackInfo& info);

}  // namespace quantwright
