// Weight of native/ts/binding.ts.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "abi/codec.h"
#include "mapping.h"
#include "objects.h"

namespace quantwright {

// A packed weight and the bytes it points into. Held by every program and job that uses it.
struct WeightData {
  qw_weight* weight = nullptr;
  std::shared_ptr<const Mapping> mapping;
  std::vector<uint8_t> copy;  // of a dense matrix given as a Uint8Array
  std::shared_ptr<WeightData> inner;  // what a weight in full is made of
  WeightData() = default;
  WeightData(const WeightData&) = delete;
  WeightData& operator=(const WeightData&) = delete;
  ~WeightData() {
    if (weight != nullptr) qw_weight_free(weight);
  }
};

class Weight : public Napi::ObjectWrap<Weight> {
 public:
  static constexpr napi_type_tag kTag = {0x7765696768740002, 0x7177726967687402};
  static constexpr const char* kName = "Weight";
  using State = std::shared_ptr<WeightData>;

  static Napi::Function define(Napi::Env env);
  explicit Weight(const Napi::CallbackInfo& info);
  void Finalize(Napi::Env env) override;

  const State& data() const { return data_; }

 private:
  Napi::Value codec(const Napi::CallbackInfo& info);
  Napi::Value rows(const Napi::CallbackInfo& info);
  Napi::Value cols(const Napi::CallbackInfo& info);
  Napi::Value bytes(const Napi::CallbackInfo& info);
  Napi::Value saved_bytes(const Napi::CallbackInfo& info);
  Napi::Value dequantize(const Napi::CallbackInfo& info);
  Napi::Value matmul(const Napi::CallbackInfo& info);

  State data_;
  int64_t reported_ = 0;  // bytes the garbage collector knows of
};

// createWeight(spec)
Napi::Value create_weight(const Napi::CallbackInfo& info);
// fullWeight(weight)
Napi::Value full_weight(const Napi::CallbackInfo& info);

}  // namespace quantwright
