// Likelihoods of given tokens.
#include "program_parts.h"

#include <algorithm>

#include "arguments.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "results.h"

namespace quantwright {

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

}  // namespace quantwright
