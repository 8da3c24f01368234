#include "tape.h"

#include <deque>

#include "activations.h"
#include "arguments.h"
#include "pool_lease.h"
#include "program_spec.h"
#include "promise_worker.h"
#include "results.h"
#include "sequences.h"
#include "turn.h"

namespace quantwright {

namespace {

// Arrays for the results of a backward run, made before it begins.
struct Results {
  Napi::Reference<Napi::Float32Array> input;
  std::vector<Napi::Reference<Napi::Float32Array>> wanted;
  float* input_data = nullptr;
  std::vector<float*> data;

  Results(Napi::Env env, const qw_tape* tape, int64_t input_rows) {
    if (input_rows > 0) {
      Napi::Float32Array made = new_floats(env, input_rows * qw_tape_input_width(tape));
      input_data = made.Data();
      input = Napi::Persistent(made);
    }
    for (int64_t i = 0; i < qw_tape_wanted_count(tape); ++i) {
      Napi::Float32Array made = new_floats(env, qw_tape_wanted_size(tape, i));
      data.push_back(made.Data());
      wanted.push_back(Napi::Persistent(made));
    }
  }

  Napi::Object object(Napi::Env env) {
    Napi::Object out = Napi::Object::New(env);
    out.Set("input", input.IsEmpty() ? env.Null() : Napi::Value(input.Value()));
    Napi::Array list = Napi::Array::New(env, wanted.size());
    for (uint32_t i = 0; i < wanted.size(); ++i) list.Set(i, wanted[i].Value());
    out.Set("wanted", list);
    return out;
  }
};

}  // namespace

Napi::Function Tape::define(Napi::Env env) {
  return DefineClass(env, kName,
                     {InstanceMethod<&Tape::forward>("forward"), InstanceMethod<&Tape::backward>("backward"), InstanceMethod<&Tape::cross_entropy>("crossEntropy"),
                      InstanceMethod<&Tape::squared_error>("squaredError"), InstanceMethod<&Tape::release>("release"), InstanceMethod<&Tape::bytes>("bytes")});
}

Tape::Tape(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Tape>(info), state_(taken_state<State>(info, "createTape")) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
}

Napi::Value Tape::forward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    std::vector<Napi::ObjectReference> keep;
    Turn<TapeData> turn(env, state_.data, "tape");
    Sequences sequences = sequences_of(qw_tape_input_width(turn->tape), argument(info, 0, "forward", "input"), argument(info, 1, "forward", "lengths"), keep);
    const bool keeps = flag(argument(info, 2, "forward", "keep"), false);
    Napi::Float32Array out = new_floats(env, sequences.rows * qw_tape_output_width(turn->tape));
    return run_off_thread(
        env,
        [turn = std::move(turn), sequences = std::move(sequences), keeps, y = out.Data()] {
          const PoolLease lease;
          const qw_sequences native = sequences.native();
          return qw_tape_forward(turn->tape, &native, keeps ? 1 : 0, y, lease.pool());
        },
        [out = Napi::Persistent(out), keep = std::move(keep), parameters = state_.keep](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

Napi::Value Tape::backward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    Turn<TapeData> turn(env, state_.data, "tape");
    Array<float> gradient = floats(argument(info, 0, "backward", "gradient"), -1);
    const int64_t rows = qw_tape_rows(turn->tape);
    if (rows > 0 && int64_t(gradient.length) != rows * qw_tape_output_width(turn->tape)) {
      throw invalid(env, "backward: gradient has " + std::to_string(gradient.length) + " elements, but the output of the forward run had " +
                             std::to_string(rows * qw_tape_output_width(turn->tape)) + ".");
    }
    auto results = std::make_shared<Results>(env, turn->tape, qw_tape_has_input_gradient(turn->tape) ? rows : 0);
    return run_off_thread(
        env,
        [turn = std::move(turn), results = results.get(), dy = gradient.data] {
          const PoolLease lease;
          return qw_tape_backward(turn->tape, dy, results->input_data, results->data.data(), lease.pool());
        },
        [results, keep = std::move(gradient.keep), parameters = state_.keep](Napi::Env e) -> Napi::Value { return results->object(e); });
  });
}

namespace {

// The methods (input, lengths, target) -> gradients and loss. `target`: reads the array for so many rows; `run`: the kernel.
template <typename Target, typename Run>
Napi::Value loss_of(const Napi::CallbackInfo& info, const Tape::State& state, const char* function, const char* name, Target target, Run run) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    std::vector<Napi::ObjectReference> keep;
    Turn<TapeData> turn(env, state.data, "tape");
    Sequences sequences = sequences_of(qw_tape_input_width(turn->tape), argument(info, 0, function, "input"), argument(info, 1, function, "lengths"), keep);
    auto view = target(argument(info, 2, function, name), turn->tape, sequences.rows);
    keep.push_back(std::move(view.keep));
    auto results = std::make_shared<Results>(env, turn->tape, qw_tape_has_input_gradient(turn->tape) ? sequences.rows : 0);
    auto loss = std::make_shared<double>(0);
    return run_off_thread(
        env,
        [turn = std::move(turn), sequences = std::move(sequences), targets = view.data, results = results.get(), loss, run] {
          const PoolLease lease;
          const qw_sequences native = sequences.native();
          return run(turn->tape, &native, targets, loss.get(), results->input_data, results->data.data(), lease.pool());
        },
        [results, loss, keep = std::move(keep), parameters = state.keep](Napi::Env e) -> Napi::Value {
          Napi::Object out = results->object(e);
          out.Set("loss", *loss);
          return out;
        });
  });
}

}  // namespace

Napi::Value Tape::cross_entropy(const Napi::CallbackInfo& info) {
  return loss_of(
      info, state_, "crossEntropy", "targets", [](const Named& given, const qw_tape*, int64_t rows) { return integers(given, rows); }, qw_tape_cross_entropy);
}

Napi::Value Tape::squared_error(const Napi::CallbackInfo& info) {
  return loss_of(
      info, state_, "squaredError", "target",
      [](const Named& given, const qw_tape* tape, int64_t rows) { return floats(given, rows * qw_tape_output_width(tape)); }, qw_tape_squared_error);
}

Napi::Value Tape::release(const Napi::CallbackInfo& info) {
  const Turn<TapeData> turn(info.Env(), state_.data, "tape");
  qw_tape_release(turn->tape);
  return info.Env().Undefined();
}

Napi::Value Tape::bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(qw_tape_bytes(state_.data->tape, integer(argument(info, 0, "bytes", "rows"), 1, kMaxDimension))));
}

Napi::Value create_tape(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Named given = argument(info, 0, "createTape", "spec");
  GivenProgram program(field(given, "program"));
  auto keep = std::make_shared<std::vector<Napi::ObjectReference>>();
  const int64_t body = program.spec.body_count, count = body + program.spec.head_count;
  const auto op_at = [&](int64_t index) -> const qw_op& { return index < body ? program.spec.body[index] : program.spec.head[index - body]; };
  const auto held = [&](const Named& value, int64_t length) {
    Array<float> view = floats(value, length);
    keep->push_back(std::move(view.keep));
    return view.data;
  };
  const auto matrix_size = [&](int64_t op, const std::string& name) {
    if (op_at(op).weight == nullptr) throw invalid(env, name + ": op " + std::to_string(op) + " has no matrix.");
    return op_at(op).weight->rows * op_at(op).weight->cols;
  };
  const auto list_of = [&](const char* name) {
    const Named list = field(given, name);
    if (!list.value.IsArray()) throw invalid(env, list.name + " must be an array.");
    return std::make_pair(list, list.value.As<Napi::Array>());
  };
  std::vector<qw_replaced> replaced;
  std::deque<qw_activations> rounded;
  const auto [replaced_name, replaced_list] = list_of("replaced");
  for (uint32_t i = 0; i < replaced_list.Length(); ++i) {
    const Named one{replaced_list.Get(i), replaced_name.name + "[" + std::to_string(i) + "]"};
    qw_replaced read{integer(field(one, "op"), 0, count - 1), nullptr, nullptr, nullptr};
    const Named matrix = field(one, "matrix"), vector = field(one, "vector"), inputs = field(one, "inputs");
    if (!absent(matrix)) read.matrix = held(matrix, matrix_size(read.op, one.name));
    if (!absent(vector)) read.vector = held(vector, op_at(read.op).vector_length);
    if (!absent(inputs)) {
      rounded.push_back(activations_of(inputs));
      read.inputs = &rounded.back();
    }
    replaced.push_back(read);
  }
  std::vector<qw_wanted> wanted;
  const auto [wanted_name, wanted_list] = list_of("wanted");
  for (uint32_t i = 0; i < wanted_list.Length(); ++i) {
    const Named one{wanted_list.Get(i), wanted_name.name + "[" + std::to_string(i) + "]"};
    qw_wanted read{integer(field(one, "op"), 0, count - 1), static_cast<qw_gradient_of>(choice(field(one, "of"), {"matrix", "columns", "vector"})), nullptr};
    const Named against = field(one, "against");
    if (!absent(against)) read.against = held(against, matrix_size(read.op, one.name));
    wanted.push_back(read);
  }
  const qw_tape_spec spec{&program.spec,    replaced.data(), int64_t(replaced.size()), wanted.data(), int64_t(wanted.size()),
                          flag(field(given, "inputGradient"), false) ? 1 : 0};
  auto data = std::make_shared<TapeData>();
  throw_unless_ok(env, qw_tape_create(&spec, &data->tape));
  data->weights = std::move(program.weights);
  return make_object(env, env.GetInstanceData<Environment>()->tape, Tape::State{std::move(data), std::move(keep)});
}

}  // namespace quantwright
