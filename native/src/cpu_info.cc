// cpuInfo and setThreads.
#include <fstream>
#include <sstream>
#include <thread>

#include "abi/dispatch.h"
#include "arguments.h"
#include "cpu.h"
#include "errors.h"
#include "pool_lease.h"

namespace quantwright {

namespace {

struct Processor {
  std::string brand = "unknown";
  std::string features;
};

Processor processor() {
  Processor found;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line) && (found.brand == "unknown" || found.features.empty());) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    if (line.rfind("model name", 0) == 0) found.brand = line.substr(colon + 2);
    if (line.rfind("flags", 0) == 0 || line.rfind("Features", 0) == 0) found.features = line.substr(colon + 2);
  }
  return found;
}

}  // namespace

Napi::Value cpu_info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  static const Processor found = processor();
  Napi::Array available = Napi::Array::New(env), features = Napi::Array::New(env);
  for (int level = QW_SIMD_SERIAL; level < QW_SIMD_LEVELS; ++level) {
    const qw_simd one = static_cast<qw_simd>(level);
    if (qw_simd_available(one)) available.Set(available.Length(), Napi::String::New(env, qw_simd_name(one)));
  }
  std::istringstream words(found.features);
  uint32_t index = 0;
  for (std::string word; words >> word;) features.Set(index++, Napi::String::New(env, word));
  Napi::Object out = Napi::Object::New(env);
  out.Set("brand", found.brand);
  out.Set("level", qw_simd_name(qw_simd_level()));
  out.Set("available", available);
  out.Set("features", features);
  out.Set("logicalCores", double(std::thread::hardware_concurrency()));
  out.Set("threads", double(PoolLease::threads()));
  return out;
}

Napi::Value set_threads(const Napi::CallbackInfo& info) {
  PoolLease::want_threads(int(integer(argument(info, 0, "setThreads", "count"), 1, QW_POOL_MAX_THREADS)));
  return info.Env().Undefined();
}

}  // namespace quantwright
