// What runs, steps and scores of programs share: turns of sessions and samplers, and the parts of a batch as JavaScript lists them.
#pragma once
#include <memory>
#include <vector>

#include "arguments.h"
#include "pool_lease.h"
#include "program.h"
#include "sampler.h"

namespace quantwright {

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

// The session of a part; it must belong to the program.
const std::shared_ptr<SessionData>& session_of(const Named& value, const std::shared_ptr<ProgramData>& program);

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

RunPart run_part(Napi::Env env, const std::shared_ptr<SessionData>& session, const Named& input, const Named& rows, std::vector<Napi::ObjectReference>& keep);

// Element i of a list of parts, and its session, which no earlier part has.
struct ListedPart {
  Named object;
  std::shared_ptr<SessionData> session;
};

std::vector<ListedPart> listed_parts(const Named& list, const std::shared_ptr<ProgramData>& program);

// Runs the parts, RunPart or what has native() as it has, in one batch into y. Off the JS thread.
template <typename Part>
qw_status run_parts(qw_program* program, const std::vector<Part>& parts, float* y) {
  const PoolLease lease;
  std::vector<qw_part> native;
  for (const Part& part : parts) native.push_back(part.native());
  return qw_program_run_batch(program, native.data(), int64_t(native.size()), y, lease.pool());
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

}  // namespace quantwright
