#include "program.h"

#include <algorithm>

#include "arguments.h"
#include "hessian.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "results.h"
#include "sampler.h"

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

// A sampler's turn to be used by a step: taken and given back on the JS thread.
class SamplerTurn {
 public:
  SamplerTurn() = default;
  SamplerTurn(Napi::Env env, std::shared_ptr<SamplerData> sampler) : sampler_(std::move(sampler)) {
    if (sampler_->busy) throw invalid(env, "The sampler is used by another step that runs; await it, or give every sequence its own.");
    sampler_->busy = true;
  }
  SamplerTurn(SamplerTurn&& other) noexcept : sampler_(std::move(other.sampler_)) {}
  SamplerTurn(const SamplerTurn&) = delete;
  SamplerTurn& operator=(const SamplerTurn&) = delete;
  ~SamplerTurn() {
    if (sampler_ != nullptr) sampler_->busy = false;
  }
  qw_sampler* sampler() const { return sampler_ == nullptr ? nullptr : sampler_->sampler; }

 private:
  std::shared_ptr<SamplerData> sampler_;
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
                     {InstanceMethod<&Program::create_session>("createSession"), InstanceMethod<&Program::run>("run"), InstanceMethod<&Program::run_batch>("runBatch"), 
                      InstanceMethod<&Program::step>("step"), InstanceMethod<&Program::step_batch>("stepBatch"), InstanceMethod<&Program::score>("score"),
                      InstanceMethod<&Program::score_batch>("scoreBatch"),
                      InstanceMethod<&Program::observed>("observed"), InstanceMethod<&Program::take_hessian>("takeHessian"), InstanceMethod<&Program::reset_observers>("resetObservers"),
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

namespace {

// One part of a run: its input (tokens are copied: they are few, and the caller may reuse the array) and its session's turn.
struct RunPart {
  Turn turn;
  std::vector<int32_t> tokens;
  const float* hidden = nullptr;
  int64_t count = 0;
  qw_rows rows = QW_ROWS_NONE;

  int64_t out_rows() const { return rows == QW_ROWS_ALL ? count : rows == QW_ROWS_LAST ? 1 : 0; }
  qw_part native() const { return {turn.session(), hidden != nullptr ? static_cast<const void*>(hidden) : tokens.data(), count, rows, nullptr}; }
};

RunPart run_part(Napi::Env env, const std::shared_ptr<SessionData>& session, const Named& input, const Named& rows, std::vector<Napi::ObjectReference>& keep) {
  constexpr qw_rows kinds[] = {QW_ROWS_ALL, QW_ROWS_LAST, QW_ROWS_NONE};
  RunPart part{Turn(env, session), {}, nullptr, 0, kinds[choice(rows, {"all", "last", "none"})]};
  const int64_t width = qw_program_input_width(part.turn.program());
  if (width == 0) {
    const Array<int32_t> view = integers(input, -1);
    part.tokens.assign(view.data, view.data + view.length);
    part.count = int64_t(view.length);
  } else {
    Array<float> view = floats(input, -1);
    if (int64_t(view.length) % width != 0) {
      throw invalid(env, input.name + " has " + std::to_string(view.length) + " elements, which is not a multiple of the width " + std::to_string(width) + ".");
    }
    part.hidden = view.data;
    part.count = int64_t(view.length) / width;
    keep.push_back(std::move(view.keep));
  }
  if (part.count > qw_session_capacity(session->session)) {  // before the result is allocated
    throw invalid(env, "The run needs room for " + std::to_string(part.count) + " tokens, but the session can hold " +
                           std::to_string(qw_session_capacity(session->session)) + ": create it with a larger capacity.");
  }
  return part;
}

// Element i of a list of parts, and its session, which no earlier part has.
struct ListedPart {
  Named object;
  std::shared_ptr<SessionData> session;
};

std::vector<ListedPart> listed_parts(const Named& list, const std::shared_ptr<ProgramData>& program) {
  const Napi::Env env = list.value.Env();
  if (!list.value.IsArray() || list.value.As<Napi::Array>().Length() == 0) throw invalid(env, list.name + " must be an array of at least one part.");
  const Napi::Array array = list.value.As<Napi::Array>();
  std::vector<ListedPart> parts;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Named object{array.Get(i), list.name + "[" + std::to_string(i) + "]"};
    const auto& session = session_of(field(object, "session"), program);
    for (size_t earlier = 0; earlier < parts.size(); ++earlier) {
      if (parts[earlier].session == session) {
        throw invalid(env, object.name + " has the same session as part " + std::to_string(earlier) + "; give every sequence its own.");
      }
    }
    parts.push_back({object, session});
  }
  return parts;
}

// [views of `whole`], one for each length.
template <typename View>
Napi::Value views(Napi::Env env, const View& whole, const std::vector<int64_t>& lengths) {
  Napi::Array list = Napi::Array::New(env, lengths.size());
  size_t offset = whole.ByteOffset();
  for (uint32_t i = 0; i < lengths.size(); ++i) {
    list.Set(i, View::New(env, size_t(lengths[i]), whole.ArrayBuffer(), offset));
    offset += size_t(lengths[i]) * whole.ElementSize();
  }
  return list;
}

}  // namespace

Napi::Value Program::run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    const auto& session = session_of(argument(info, 0, "run", "session"), data_);
    std::vector<Napi::ObjectReference> keep;
    RunPart part = run_part(env, session, argument(info, 1, "run", "input"), argument(info, 2, "run", "rows"), keep);
    Napi::Float32Array out = new_floats(env, part.out_rows() * qw_program_output_width(data_->program));
    return run_off_thread(
        env,
        [part = std::move(part), y = out.Data()] {
          const PoolLease lease;
          const qw_part alone = part.native();
          return qw_program_run_batch(part.turn.program(), &alone, 1, y, lease.pool());
        },
        [out = Napi::Persistent(out), keep = std::move(keep)](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

Napi::Value Program::run_batch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    std::vector<Napi::ObjectReference> keep;
    std::vector<RunPart> parts;
    std::vector<int64_t> lengths;
    int64_t total = 0;
    for (const ListedPart& listed : listed_parts(argument(info, 0, "runBatch", "parts"), data_)) {
      parts.push_back(run_part(env, listed.session, field(listed.object, "input"), field(listed.object, "rows"), keep));
      lengths.push_back(parts.back().out_rows() * qw_program_output_width(data_->program));
      total += lengths.back();
    }
    Napi::Float32Array out = new_floats(env, total);
    return run_off_thread(
        env,
        [parts = std::move(parts), y = out.Data()] {
          const PoolLease lease;
          std::vector<qw_part> native;
          for (const RunPart& part : parts) native.push_back(part.native());
          return qw_program_run_batch(parts[0].turn.program(), native.data(), int64_t(native.size()), y, lease.pool());
        },
        [out = Napi::Persistent(out), keep = std::move(keep), lengths = std::move(lengths)](Napi::Env env) { return views(env, out.Value(), lengths); });
  });
}

namespace {

// One part of a batch of steps: a RunPart, or a sequence whose next token is sampled.
struct StepPart {
  RunPart run;
  SamplerTurn sampling;
  std::shared_ptr<qw_step> step;  // NULL: none. Shared with whoever reads the result

  qw_part native() const {
    qw_part part = run.native();
    part.step = step.get();
    return part;
  }
};

struct StepArguments {
  Named tokens, drafted, sampler, masks;
};

StepPart step_part(Napi::Env env, const std::shared_ptr<SessionData>& session, const StepArguments& given, std::vector<Napi::ObjectReference>& keep) {
  const Array<int32_t> view = integers(given.tokens, -1);
  auto step = std::make_shared<qw_step>();
  step->drafted = integer(given.drafted, 0, QW_MOST_DRAFTED);
  SamplerTurn sampling(env, unwrap<Sampler>(given.sampler.value, given.sampler.name).data());
  step->sampler = sampling.sampler();
  if (!absent(given.masks)) {
    Array<int32_t> masks = integers(given.masks, (step->drafted + 1) * ((qw_program_output_width(session->program->program) + 31) / 32));
    step->masks = reinterpret_cast<const uint32_t*>(masks.data);
    keep.push_back(std::move(masks.keep));
  }
  RunPart run{Turn(env, session), std::vector<int32_t>(view.data, view.data + view.length), nullptr, int64_t(view.length), QW_ROWS_NONE};
  return {std::move(run), std::move(sampling), std::move(step)};
}

Napi::Value sampled_tokens(Napi::Env env, const qw_step& step) {
  if (step.status.code != QW_OK) return error_of(env, step.status).Value();
  Napi::Int32Array out = Napi::Int32Array::New(env, size_t(step.sampled));
  std::copy(step.tokens, step.tokens + step.sampled, out.Data());
  return out;
}

}  // namespace

Napi::Value Program::step(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    const auto& session = session_of(argument(info, 0, "step", "session"), data_);
    std::vector<Napi::ObjectReference> keep;
    StepPart part = step_part(
        env, session, {argument(info, 1, "step", "tokens"), argument(info, 2, "step", "drafted"), argument(info, 3, "step", "sampler"), argument(info, 4, "step", "masks")}, keep);
    std::shared_ptr<qw_step> step = part.step;
    return run_off_thread(
        env,
        [part = std::move(part)] {
          const PoolLease lease;
          const qw_part alone = part.native();
          const qw_status status = qw_program_run_batch(part.run.turn.program(), &alone, 1, nullptr, lease.pool());
          return status.code != QW_OK ? status : part.step->status;
        },
        [step, keep = std::move(keep)](Napi::Env env) { return sampled_tokens(env, *step); });
  });
}

Napi::Value Program::step_batch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    std::vector<Napi::ObjectReference> keep;
    std::vector<StepPart> parts;
    std::vector<std::shared_ptr<qw_step>> steps;
    std::vector<int64_t> lengths;
    int64_t total = 0;
    for (const ListedPart& listed : listed_parts(argument(info, 0, "stepBatch", "parts"), data_)) {
      const Named sampler = field(listed.object, "sampler");
      if (absent(sampler)) {
        parts.push_back({run_part(env, listed.session, field(listed.object, "input"), field(listed.object, "rows"), keep), SamplerTurn(), nullptr});
      } else {
        parts.push_back(step_part(env, listed.session, {field(listed.object, "input"), field(listed.object, "drafted"), sampler, field(listed.object, "masks")}, keep));
      }
      steps.push_back(parts.back().step);
      lengths.push_back(parts.back().run.out_rows() * qw_program_output_width(data_->program));
      total += lengths.back();
    }
    Napi::Float32Array out = new_floats(env, total);
    return run_off_thread(
        env,
        [parts = std::move(parts), y = out.Data()] {
          const PoolLease lease;
          std::vector<qw_part> native;
          for (const StepPart& part : parts) native.push_back(part.native());
          return qw_program_run_batch(parts[0].run.turn.program(), native.data(), int64_t(native.size()), y, lease.pool());
        },
        [out = Napi::Persistent(out), keep = std::move(keep), lengths = std::move(lengths), steps = std::move(steps)](Napi::Env env) {
          const Napi::Value all = views(env, out.Value(), lengths);
          for (uint32_t i = 0; i < steps.size(); ++i) {
            if (steps[i] != nullptr) all.As<Napi::Array>().Set(i, sampled_tokens(env, *steps[i]));
          }
          return all;
        });
  });
}

namespace {

struct ScoredPart {
  Turn turn;
  std::vector<int32_t> tokens;
  int64_t from;
  int64_t out_count() const { return int64_t(tokens.size()) - 1 - from; }
  qw_scored_part native() const { return {turn.session(), tokens.data(), int64_t(tokens.size()), from}; }
};

ScoredPart scored_part(Napi::Env env, const std::shared_ptr<SessionData>& session, const Named& tokens, const Named& from) {
  const Array<int32_t> view = integers(tokens, -1);
  if (view.length < 1) throw invalid(env, tokens.name + " must not be empty.");
  const int64_t first = integer(from, 0, int64_t(view.length) - 1);
  return {Turn(env, session), std::vector<int32_t>(view.data, view.data + view.length), first};
}

}  // namespace

Napi::Value Program::score(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    const auto& session = session_of(argument(info, 0, "score", "session"), data_);
    ScoredPart part = scored_part(env, session, argument(info, 1, "score", "tokens"), argument(info, 2, "score", "from"));
    Napi::Float64Array out = new_doubles(env, part.out_count());
    return run_off_thread(
        env,
        [part = std::move(part), nll = out.Data()] {
          const PoolLease lease;
          const qw_scored_part alone = part.native();
          return qw_program_score_batch(part.turn.program(), &alone, 1, nll, lease.pool());
        },
        [out = Napi::Persistent(out)](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

Napi::Value Program::score_batch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    std::vector<ScoredPart> parts;
    std::vector<int64_t> lengths;
    int64_t total = 0;
    for (const ListedPart& listed : listed_parts(argument(info, 0, "scoreBatch", "parts"), data_)) {
      parts.push_back(scored_part(env, listed.session, field(listed.object, "tokens"), field(listed.object, "from")));
      lengths.push_back(parts.back().out_count());
      total += lengths.back();
    }
    Napi::Float64Array out = new_doubles(env, total);
    return run_off_thread(
        env,
        [parts = std::move(parts), nll = out.Data()] {
          const PoolLease lease;
          std::vector<qw_scored_part> native;
          for (const ScoredPart& part : parts) native.push_back(part.native());
          return qw_program_score_batch(parts[0].turn.program(), native.data(), int64_t(native.size()), nll, lease.pool());
        },
        [out = Napi::Persistent(out), lengths = std::move(lengths)](Napi::Env env) { return views(env, out.Value(), lengths); });
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

Napi::Value Program::take_hessian(const Napi::CallbackInfo& info) {
  const int32_t slot = int32_t(integer(argument(info, 0, "takeHessian", "slot"), 0, INT32_MAX));
  refuse_while_running(info.Env(), *data_, "takeHessian");
  std::vector<float> triangle;
  const int64_t width = qw_program_take_hessian(data_->program, slot, &triangle);
  if (width < 0) throw invalid(info.Env(), "takeHessian: the program has no hessian with slot " + std::to_string(slot) + ".");
  return width == 0 ? info.Env().Null() : make_hessian(info.Env(), width, std::move(triangle)).As<Napi::Value>();
}

Napi::Value Program::reset_observers(const Napi::CallbackInfo& info) {
  refuse_while_running(info.Env(), *data_, "resetObservers");
  qw_program_reset_observers(data_->program);
  return info.Env().Undefined();
}

Napi::Value Program::weight_bytes(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(qw_program_weight_bytes(data_->program))); }
Napi::Value Program::scratch_bytes(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(qw_program_scratch_bytes(data_->program))); }

}  // namespace quantwright
