// Tape of native/ts/gradients.ts.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "objects.h"
#include "program/backward/backward.h"
#include "weight.h"

namespace quantwright {

struct TapeData {
  qw_tape* tape = nullptr;
  std::vector<std::shared_ptr<WeightData>> weights;
  bool busy = false;  // JS thread only
  TapeData() = default;
  TapeData(const TapeData&) = delete;
  TapeData& operator=(const TapeData&) = delete;
  ~TapeData() {
    if (tape != nullptr) qw_tape_free(tape);
  }
};

class Tape : public Napi::ObjectWrap<Tape> {
 public:
  static constexpr napi_type_tag kTag = {0x7461706500000007, 0x7177726967687407};
  static constexpr const char* kName = "Tape";
  // Parameters that are read where they lie live as long as the tape.
  struct State {
    std::shared_ptr<TapeData> data;
    std::shared_ptr<std::vector<Napi::ObjectReference>> keep;
  };

  static Napi::Function define(Napi::Env env);
  explicit Tape(const Napi::CallbackInfo& info);

 private:
  Napi::Value forward(const Napi::CallbackInfo& info);
  Napi::Value backward(const Napi::CallbackInfo& info);
  Napi::Value cross_entropy(const Napi::CallbackInfo& info);
  Napi::Value squared_error(const Napi::CallbackInfo& info);
  Napi::Value release(const Napi::CallbackInfo& info);
  Napi::Value bytes(const Napi::CallbackInfo& info);

  State state_;
};

// createTape(spec)
Napi::Value create_tape(const Napi::CallbackInfo& info);
}  // namespace quantwright
