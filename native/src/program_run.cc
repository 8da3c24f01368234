// Running programs: one sequence, or several at once.
#include "program_parts.h"

#include <algorithm>

#include "arguments.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "results.h"

namespace quantwright {

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
        [parts = std::move(parts), y = out.Data()] { return run_parts(parts[0].turn.program(), parts, y); },
        [out = Napi::Persistent(out), keep = std::move(keep), lengths = std::move(lengths)](Napi::Env env) { return views(env, out.Value(), lengths); });
  });
}

}  // namespace quantwright
