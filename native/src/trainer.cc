#include "trainer.h"

#include <deque>

#include "activations.h"
#include "arguments.h"
#include "pool_lease.h"
#include "program_spec.h"
#include "promise_worker.h"
#include "quantize.h"
#include "sequences.h"
#include "turn.h"

namespace quantwright {

namespace {

Turn<TrainerData> turn_of(Napi::Env env, const Trainer::State& state) {
  Turn<TrainerData> turn(env, state.data, "trainer");
  if (turn->trainer == nullptr) throw invalid(env, "The trainer was released.");
  return turn;
}

// The methods (input, lengths, target) -> loss.
template <typename Run>
Napi::Value run_of(const Napi::CallbackInfo& info, const Trainer::State& state, const char* function, Run run) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    std::vector<Napi::ObjectReference> keep;
    Turn<TrainerData> turn = turn_of(env, state);
    Sequences sequences = sequences_of(qw_trainer_input_width(turn->trainer), argument(info, 0, function, "input"), argument(info, 1, function, "lengths"), keep);
    Array<float> target = floats(argument(info, 2, function, "target"), sequences.rows * qw_trainer_output_width(turn->trainer));
    keep.push_back(std::move(target.keep));
    auto loss = std::make_shared<double>(0);
    return run_off_thread(
        env,
        [turn = std::move(turn), sequences = std::move(sequences), wanted = target.data, loss, run] {
          const PoolLease lease;
          const qw_sequences native = sequences.native();
          return run(turn->trainer, &native, wanted, loss.get(), lease.pool());
        },
        [loss, keep = std::move(keep), parameters = state.keep](Napi::Env e) -> Napi::Value { return Napi::Number::New(e, *loss); });
  });
}

Napi::Array list_of(const Named& given, const char* name) {
  const Named list = field(given, name);
  if (!list.value.IsArray()) throw invalid(given.value.Env(), list.name + " must be an array.");
  return list.value.As<Napi::Array>();
}

}  // namespace

Napi::Function Trainer::define(Napi::Env env) {
  return DefineClass(env, kName, {InstanceMethod<&Trainer::step>("step"), InstanceMethod<&Trainer::loss>("loss"), InstanceMethod<&Trainer::bytes>("bytes"),
                                  InstanceMethod<&Trainer::release>("release")});
}

Trainer::Trainer(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Trainer>(info), state_(taken_state<State>(info, "createTrainer")) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
}

Napi::Value Trainer::step(const Napi::CallbackInfo& info) { return run_of(info, state_, "step", qw_trainer_step); }
Napi::Value Trainer::loss(const Napi::CallbackInfo& info) { return run_of(info, state_, "loss", qw_trainer_loss); }

Napi::Value Trainer::bytes(const Napi::CallbackInfo& info) {
  const Turn<TrainerData> turn = turn_of(info.Env(), state_);
  return Napi::Number::New(info.Env(), double(qw_trainer_bytes(turn->trainer, integer(argument(info, 0, "bytes", "rows"), 1, kMaxDimension))));
}

Napi::Value Trainer::release(const Napi::CallbackInfo& info) {
  if (state_.data->trainer == nullptr) return info.Env().Undefined();
  { const Turn<TrainerData> turn = turn_of(info.Env(), state_); }
  qw_trainer_free(state_.data->trainer);
  state_.data->trainer = nullptr;
  state_.data->weights.clear();
  state_.keep->clear();
  return info.Env().Undefined();
}

Napi::Value create_trainer(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Named given = argument(info, 0, "createTrainer", "spec");
  GivenProgram program(field(given, "program"));
  auto keep = std::make_shared<std::vector<Napi::ObjectReference>>();
  const int64_t body = program.spec.body_count, count = body + program.spec.head_count;
  std::vector<qw_trained> trained;
  std::deque<qw_rtn_options> roundings;
  const Napi::Array parameters = list_of(given, "parameters");
  for (uint32_t i = 0; i < parameters.Length(); ++i) {
    const Named one{parameters.Get(i), "createTrainer: parameters[" + std::to_string(i) + "]"};
    qw_trained read{integer(field(one, "op"), 0, count - 1), QW_GRADIENT_MATRIX, nullptr, flag(field(one, "decays"), false) ? 1 : 0, nullptr, 0};
    if (choice(field(one, "of"), {"matrix", "vector"}) == 1) read.of = QW_GRADIENT_VECTOR;
    const qw_op& op = read.op < body ? program.spec.body[read.op] : program.spec.head[read.op - body];
    const bool matrix = read.of == QW_GRADIENT_MATRIX;
    if (matrix && op.weight == nullptr) throw invalid(env, one.name + ": op " + std::to_string(read.op) + " has no matrix.");
    const Named values = field(one, "values");
    Array<float> view = floats(values, matrix ? op.weight->rows * op.weight->cols : op.vector_length);
    read.values = values.value.As<Napi::Float32Array>().Data();
    keep->push_back(std::move(view.keep));
    const Named rounding = field(one, "rounding");
    if (!absent(rounding)) {
      roundings.push_back(rtn_options(rounding));
      read.rounding = &roundings.back();
      read.lines = integer(field(one, "lines"), 1, int64_t(view.length));
    }
    trained.push_back(read);
  }
  std::vector<qw_rounded_input> inputs;
  const Napi::Array rounded = list_of(given, "inputs");
  for (uint32_t i = 0; i < rounded.Length(); ++i) {
    const Named one{rounded.Get(i), "createTrainer: inputs[" + std::to_string(i) + "]"};
    inputs.push_back({integer(field(one, "op"), 0, count - 1), activations_of(field(one, "activations"))});
  }
  const Named optimizer = field(given, "optimizer");
  const auto number = [&](const char* name) { return float(finite(field(optimizer, name))); };
  const qw_adamw adamw{number("learningRate"), number("beta1"), number("beta2"), number("epsilon"), number("weightDecay")};
  const qw_trainer_spec spec{&program.spec, trained.data(), int64_t(trained.size()), inputs.data(), int64_t(inputs.size()), adamw};
  auto data = std::make_shared<TrainerData>();
  throw_unless_ok(env, qw_trainer_create(&spec, &data->trainer));
  data->weights = std::move(program.weights);
  return make_object(env, env.GetInstanceData<Environment>()->trainer, Trainer::State{std::move(data), std::move(keep)});
}

}  // namespace quantwright
