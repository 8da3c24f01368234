// Feeds tokens through a program in chunks: the body for every row, the head for the wanted rows in passes of bounded size.
#include <algorithm>
#include <cstring>

#include "program/model.h"
#include "rope/rope.h"
#include "score/score.h"

namespace {

// Refuses a session that runs already; frees it on every way out.
class Turn {
 public:
  explicit Turn(qw_session& session) : session_(session) { taken_ = !session.busy.exchange(true); }
  ~Turn() {
    if (taken_) session_.busy.store(false);
  }
  bool taken() const { return taken_; }

 private:
  qw_session& session_;
  bool taken_;
};

qw_status check(const qw_program& program, const qw_session& session, const void* input, int64_t count) {
  if (session.program != &program) return qw_error(QW_INVALID_ARGUMENT, "The session belongs to another program.");
  if (count < 1) return qw_error(QW_INVALID_ARGUMENT, "A run needs at least one token.");
  if (count > session.capacity - session.length) {
    return qw_error(QW_INVALID_ARGUMENT, "The run needs room for %lld tokens, but the session holds %lld of %lld: create it with a larger capacity or truncate it.",
                    (long long)count, (long long)session.length, (long long)session.capacity);
  }
  if (program.input != QW_INPUT_TOKENS) return qw_ok();
  const int32_t* tokens = static_cast<const int32_t*>(input);
  for (int64_t i = 0; i < count; ++i) {
    if (tokens[i] < 0 || tokens[i] >= program.vocabulary) {
      return qw_error(QW_INVALID_ARGUMENT, "Token %d at index %lld is outside the embedding table (0..%lld).", tokens[i], (long long)i,
                      (long long)program.vocabulary - 1);
    }
  }
  return qw_ok();
}

// Scratch for a chunk of `rows` and passes of the head of `head_rows` (0: none).
qw_status reserve(const qw_program& program, qw_session& session, int64_t rows, int64_t head_rows) {
  bool enough = session.values.reserve(rows * program.body_width) && session.head_values.reserve(head_rows * program.head_width);
  for (int64_t pass : {rows, head_rows}) {
    if (!enough || pass == 0 || session.kernels_sized[size_t(pass)]) continue;
    const size_t bytes = qw::kernel_scratch_bytes(program, session, pass);
    enough = session.kernels.reserve(int64_t((bytes + sizeof(float) - 1) / sizeof(float)));
    session.kernels_sized[size_t(pass)] = enough;
  }
  if (enough) return qw_ok();
  // The kernels' memory may be gone: smaller passes have to ask for theirs again.
  session.kernels_sized.assign(session.kernels_sized.size(), false);
  return qw_error(QW_OUT_OF_MEMORY, "No memory for the values of %lld tokens; close other programs or use a smaller model.", (long long)rows);
}

qw_status run_body(qw::Pass& pass, const void* input, int64_t done) {
  qw_program& program = pass.program;
  if (program.input == QW_INPUT_TOKENS) {
    pass.tokens = static_cast<const int32_t*>(input) + done;
  } else {
    const int64_t width = program.widths[0];
    std::memcpy(pass.value(0), static_cast<const float*>(input) + done * width, size_t(pass.rows * width) * sizeof(float));
  }
  for (size_t t = 0; t < program.rope_tables.size(); ++t) {
    const qw::RopeTable& table = program.rope_tables[t];
    qw_rope_table(table.inverse_frequency->data(), int64_t(table.inverse_frequency->size()), pass.position, pass.rows, table.attention_scale,
                  pass.rope_table(int(t)), pass.pool);
  }
  return qw::execute(program.body, pass);
}

// Runs the head on rows [begin, end) of the chunk and gives each pass's output rows to take(first_row, rows, values).
// direct(first_row) is where the output should be written, or NULL for scratch.
template <typename Direct, typename Take>
qw_status run_head(const qw::Pass& body, int64_t begin, int64_t end, Direct direct, Take take) {
  qw_program& program = body.program;
  const bool head_writes_output = program.places[size_t(program.output)].in_head;
  for (int64_t first = begin; first < end; first += program.head_rows) {
    const int64_t rows = std::min(program.head_rows, end - first);
    qw::Pass pass{program, body.session, body.pool, body.tokens, rows, body.position + first, body.chunk_rows, first};
    if (head_writes_output) pass.output = direct(first);
    qw_status status = reserve(program, body.session, body.chunk_rows, program.head.empty() ? 0 : rows);
    if (status.code == QW_OK) status = qw::execute(program.head, pass);
    if (status.code != QW_OK) return status;
    take(first, rows, pass.value(program.output));
  }
  return qw_ok();
}

// each_chunk(pass, done): after the body of every chunk; returns a status.
template <typename EachChunk>
qw_status run_chunks(qw_program& program, qw_session& session, const void* input, int64_t count, float* body_output, qw_pool* pool,
                     EachChunk each_chunk) {
  std::unique_lock<std::mutex> observers(program.observer_mutex, std::defer_lock);
  if (!program.observers.empty()) observers.lock();
  for (int64_t done = 0; done < count; done += qw::kChunkRows) {
    const int64_t rows = std::min(qw::kChunkRows, count - done);
    qw_status status = reserve(program, session, rows, 0);
    if (status.code != QW_OK) return status;
    qw::Pass pass{program, session, pool, nullptr, rows, session.length + done, rows, 0};
    if (body_output != nullptr) pass.output = body_output + done * program.widths[size_t(program.output)];
    status = run_body(pass, input, done);
    if (status.code == QW_OK) status = each_chunk(pass, done);
    if (status.code != QW_OK) return status;
  }
  session.length += count;
  return qw_ok();
}

}  // namespace

extern "C" qw_status qw_program_run(qw_program* program, qw_session* session, const void* input, int64_t count, qw_rows rows, float* out,
                                    qw_pool* pool) {
  const Turn turn(*session);
  if (!turn.taken()) return qw_error(QW_INVALID_ARGUMENT, "The session is running already; await the first run or use another session.");
  const qw_status status = check(*program, *session, input, count);
  if (status.code != QW_OK) return status;
  const int64_t width = program->widths[size_t(program->output)];
  const bool straight = rows == QW_ROWS_ALL && program->head.empty();
  return run_chunks(*program, *session, input, count, straight ? out : nullptr, pool, [&](const qw::Pass& pass, int64_t done) {
    const bool last_chunk = done + pass.rows == count;
    if (straight || rows == QW_ROWS_NONE || (rows == QW_ROWS_LAST && !last_chunk)) return qw_ok();
    const int64_t begin = rows == QW_ROWS_ALL ? 0 : pass.rows - 1;
    float* const first_out = rows == QW_ROWS_ALL ? out + done * width : out;
    return run_head(
        pass, begin, pass.rows, [&](int64_t row) { return first_out + (row - begin) * width; },
        [&](int64_t row, int64_t taken, const float* values) {
          float* to = first_out + (row - begin) * width;
          if (values != to) std::memcpy(to, values, size_t(taken * width) * sizeof(float));
        });
  });
}

extern "C" qw_status qw_program_score(qw_program* program, qw_session* session, const int32_t* tokens, int64_t count, int64_t from, double* nll,
                                      qw_pool* pool) {
  const Turn turn(*session);
  if (!turn.taken()) return qw_error(QW_INVALID_ARGUMENT, "The session is running already; await the first run or use another session.");
  if (program->input != QW_INPUT_TOKENS) return qw_error(QW_INVALID_ARGUMENT, "Only programs over tokens can be scored.");
  const qw_status status = check(*program, *session, tokens, count);
  if (status.code != QW_OK) return status;
  if (from < 0 || from > count - 1) {
    return qw_error(QW_INVALID_ARGUMENT, "from must be 0..%lld for %lld tokens, not %lld.", (long long)count - 1, (long long)count, (long long)from);
  }
  const int64_t width = program->widths[size_t(program->output)];
  for (int64_t i = from + 1; i < count; ++i) {
    if (tokens[i] >= width) {
      return qw_error(QW_INVALID_ARGUMENT, "Token %d at index %lld has no logit: the output is %lld wide.", tokens[i], (long long)i, (long long)width);
    }
  }
  return run_chunks(*program, *session, tokens, count, nullptr, pool, [&](const qw::Pass& pass, int64_t done) {
    const int64_t begin = std::max<int64_t>(0, from - done), end = std::min(pass.rows, count - 1 - done);
    return run_head(
        pass, begin, end, [](int64_t) { return static_cast<float*>(nullptr); },
        [&](int64_t row, int64_t taken, const float* logits) {
          qw_score(logits, taken, width, tokens + done + row + 1, nll + done + row - from, pass.pool);
        });
  });
}
