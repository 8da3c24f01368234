// Steps of programs: what follows is sampled where its logits lie.
#include "program_parts.h"

#include <algorithm>

#include "arguments.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "results.h"

namespace quantwright {

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
        [parts = std::move(parts), y = out.Data()] { return run_parts(parts[0].run.turn.program(), parts, y); },
        [out = Napi::Persistent(out), keep = std::move(keep), lengths = std::move(lengths), steps = std::move(steps)](Napi::Env env) {
          const Napi::Value all = views(env, out.Value(), lengths);
          for (uint32_t i = 0; i < steps.size(); ++i) {
            if (steps[i] != nullptr) all.As<Napi::Array>().Set(i, sampled_tokens(env, *steps[i]));
          }
          return all;
        });
  });
}

}  // namespace quantwright
