// Trainer of native/ts/training.ts.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "objects.h"
#include "program/backward/trainer.h"
#include "weight.h"

namespace quantwright {

struct TrainerData {
  qw_trainer* trainer = nullptr;
  std::vector<std::shared_ptr<WeightData>> weights;
  bool busy = false;  // JS thread only
  TrainerData() = default;
  TrainerData(const TrainerData&) = delete;
  TrainerData& operator=(const TrainerData&) = delete;
  ~TrainerData() { qw_trainer_free(trainer); }
};

class Trainer : public Napi::ObjectWrap<Trainer> {
 public:
  static constexpr napi_type_tag kTag = {0x747261696e000008, 0x7177726967687408};
  static constexpr const char* kName = "Trainer";
  // Parameters that are trained where they lie live as long as the trainer.
  struct State {
    std::shared_ptr<TrainerData> data;
    std::shared_ptr<std::vector<Napi::ObjectReference>> keep;
  };

  static Napi::Function define(Napi::Env env);
  explicit Trainer(const Napi::CallbackInfo& info);

 private:
  Napi::Value step(const Napi::CallbackInfo& info);
  Napi::Value loss(const Napi::CallbackInfo& info);
  Napi::Value bytes(const Napi::CallbackInfo& info);
  Napi::Value release(const Napi::CallbackInfo& info);

  State state_;
};

// createTrainer(spec)
Napi::Value create_trainer(const Napi::CallbackInfo& info);
}  // namespace quantwright
