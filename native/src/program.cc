#include "program.h"

#include "arguments.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "results.h"

namespace quantwright {

namespace {

// A session's turn to run: taken and given back on the JS thread.
class Turn {
 public:
  Turn(Napi::Env env, std::shared_ptr<SessionData> session) : session_(std::move(session)) {
    if (session_->busy) throw invalid(env, "The session is running already; await the first run or use another session.");
    session_->busy = true;
    ++session_->program->running;
  }
  Turn(Turn&& other) noexcept : session_(std::move(other.session_)) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (session_ == nullptr) return;
    session_->length = qw_session_length(session_->session);
    session_->busy = false;
    --session_->program->running;
  }
  qw_session* session() const { return session_->session; }
  qw_program* program() const { return session_->program->program; }

 private:
  std::shared_ptr<SessionData> session_;
};

const std::shared_ptr<SessionData>& session_of(const Named& value, const std::shared_ptr<ProgramData>& program) {
  const std::shared_ptr<SessionData>& session = unwrap<Session>(value.value, value.name).data();
  if (session->program != program) throw invalid(value.value.Env(), value.name + " belongs to another program.");
  return session;
}

void refuse_while_running(Napi::Env env, const ProgramData& program, const char* function) {
  if (program.running > 0) throw invalid(env, std::string(function) + ": the program is running; await its runs first.");
}

}  // namespace

Napi::Function Program::define(Napi::Env env) {
  return DefineClass(env, kName,
                     {InstanceMethod<&Program::create_session>("createSession"), InstanceMethod<&Program::run>("run"), InstanceMethod<&Program::score>("score"),
                      InstanceMethod<&Program::observed>("observed"), InstanceMethod<&Program::reset_observers>("resetObservers"),
                      InstanceAccessor<&Program::weight_bytes>("weightBytes"), InstanceAccessor<&Program::scratch_bytes>("scratchBytes")});
}

Program::Program(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Program>(info), data_(taken_state<State>(info, "createProgram")) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
}

Napi::Value Program::create_session(const Napi::CallbackInfo& info) {
  const int64_t capacity = integer(argument(info, 0, "createSession", "capacity"), 1, kMaxDimension);
  const qw_type cache = choice(argument(info, 1, "createSession", "cache"), {"f32", "f16"}) == 0 ? QW_F32 : QW_F16;
  auto session = std::make_shared<SessionData>();
  session->program = data_;
  throw_unless_ok(info.Env(), qw_session_create(data_->program, capacity, cache, &session->session));
  return make_object(info.Env(), info.Env().GetInstanceData<Environment>()->session, std::move(session));
}

Napi::Value Program::run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    const auto& session = session_of(argument(info, 0, "run", "session"), data_);
    const Named input = argument(info, 1, "run", "input");
    constexpr qw_rows kinds[] = {QW_ROWS_ALL, QW_ROWS_LAST, QW_ROWS_NONE};
    const qw_rows rows = kinds[choice(argument(info, 2, "run", "rows"), {"all", "last", "none"})];
    const int64_t width = qw_program_input_width(data_->program);
    std::vector<int32_t> tokens;  // copied: they are few, and the caller may reuse the array
    Array<float> hidden;
    int64_t count = 0;
    if (width == 0) {
      const Array<int32_t> view = integers(input, -1);
      tokens.assign(view.data, view.data + view.length);
      count = int64_t(view.length);
    } else {
      hidden = floats(input, -1);
      if (int64_t(hidden.length) % width != 0) {
        throw invalid(env, input.name + " has " + std::to_string(hidden.length) + " elements, which is not a multiple of the width " + std::to_string(width) + ".");
      }
      count = int64_t(hidden.length) / width;
    }
    if (count > qw_session_capacity(session->session)) {  // before the result is allocated
      throw invalid(env, "The run needs room for " + std::to_string(count) + " tokens, but the session can hold " +
                             std::to_string(qw_session_capacity(session->session)) + ": create it with a larger capacity.");
    }
    const int64_t out_rows = rows == QW_ROWS_ALL ? count : rows == QW_ROWS_LAST ? 1 : 0;
    Turn turn(env, session);
    Napi::Float32Array out = new_floats(env, out_rows * qw_program_output_width(data_->program));
    return run_off_thread(
        env,
        [turn = std::move(turn), tokens = std::move(tokens), hidden = hidden.data, count, rows, y = out.Data()] {
          const PoolLease lease;
          const void* from = hidden != nullptr ? static_cast<const void*>(hidden) : tokens.data();
          return qw_program_run(turn.program(), turn.session(), from, count, rows, y, lease.pool());
        },
        [out = Napi::Persistent(out), keep = std::move(hidden.keep)](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

Napi::Value Program::score(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    const auto& session = session_of(argument(info, 0, "score", "session"), data_);
    const Array<int32_t> view = integers(argument(info, 1, "score", "tokens"), -1);
    const int64_t count = int64_t(view.length);
    if (count < 1) throw invalid(env, "score: tokens must not be empty.");
    const int64_t from = integer(argument(info, 2, "score", "from"), 0, count - 1);
    Turn turn(env, session);
    Napi::Float64Array out = new_doubles(env, count - 1 - from);
    return run_off_thread(
        env,
        [turn = std::move(turn), tokens = std::vector<int32_t>(view.data, view.data + view.length), count, from, nll = out.Data()] {
          const PoolLease lease;
          return qw_program_score(turn.program(), turn.session(), tokens.data(), count, from, nll, lease.pool());
        },
        [out = Napi::Persistent(out)](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

Napi::Value Program::observed(const Napi::CallbackInfo& info) {
  const int32_t slot = int32_t(integer(argument(info, 0, "observed", "slot"), 0, INT32_MAX));
  refuse_while_running(info.Env(), *data_, "observed");
  const int64_t size = qw_program_observed_size(data_->program, slot);
  if (size < 0) throw invalid(info.Env(), "observed: the program has no observe op with slot " + std::to_string(slot) + ".");
  if (size == 0) return info.Env().Null();
  Napi::Float32Array out = new_floats(info.Env(), size);
  qw_program_observed(data_->program, slot, out.Data());
  return out;
}

Napi::Value Program::reset_observers(const Napi::CallbackInfo& info) {
  refuse_while_running(info.Env(), *data_, "resetObservers");
  qw_program_reset_observers(data_->program);
  return info.Env().Undefined();
}

Napi::Value Program::weight_bytes(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(qw_program_weight_bytes(data_->program))); }
Napi::Value Program::scratch_bytes(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(qw_program_scratch_bytes(data_->program))); }

}  // namespace quantwright
