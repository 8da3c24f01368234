// Sampler of native/ts/binding.ts.
#pragma once
#include <napi.h>

#include <memory>

#include "objects.h"
#include "sample/sample.h"

namespace quantwright {

struct SamplerData {
  qw_sampler* sampler = nullptr;
  bool busy = false;  // a step uses it; JS thread only
  SamplerData() = default;
  SamplerData(const SamplerData&) = delete;
  SamplerData& operator=(const SamplerData&) = delete;
  ~SamplerData() {
    if (sampler != nullptr) qw_sampler_free(sampler);
  }
};

class Sampler : public Napi::ObjectWrap<Sampler> {
 public:
  static constexpr napi_type_tag kTag = {0x73616d706c650005, 0x7177726967687405};
  static constexpr const char* kName = "Sampler";
  using State = std::shared_ptr<SamplerData>;
  static Napi::Function define(Napi::Env env);
  explicit Sampler(const Napi::CallbackInfo& info);
  const State& data() const { return data_; }

 private:
  Napi::Value observe(const Napi::CallbackInfo& info);
  Napi::Value sample(const Napi::CallbackInfo& info);
  Napi::Value drawn(const Napi::CallbackInfo& info);
  void set_drawn(const Napi::CallbackInfo& info, const Napi::Value& value);
  qw_sampler* idle(Napi::Env env) const;
  State data_;
};

// createSampler(spec)
Napi::Value create_sampler(const Napi::CallbackInfo& info);

}  // namespace quantwright
