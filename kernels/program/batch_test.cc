// Several sequences in one run: what each of them gets is what it gets alone.
#include <cstring>

#include "program/program.h"
#include "testing/tiny_llama.h"

using namespace qw_test;

namespace {

constexpr double kTolerance = 2e-5;  // of the largest logit: f32 through two layers

// Sequences of one program: their tokens, and the reference logits of all of them.
struct Sequences {
  const TinyLlama& model;
  qw_program* program = nullptr;
  std::vector<qw_session*> sessions;
  std::vector<std::vector<int32_t>> tokens;
  std::vector<std::vector<double>> wanted;

  Sequences(const TinyLlama& tiny, const std::vector<int64_t>& lengths, qw_type cache = QW_F32) : model(tiny) {
    const qw_program_spec spec = model.spec();
    CHECK_OK(qw_program_create(&spec, &program));
    Random random(31);
    for (int64_t length : lengths) {
      std::vector<int32_t> ids;
      for (int64_t i = 0; i < length; ++i) ids.push_back(int32_t(random.integer(0, model.vocabulary - 1)));
      wanted.push_back(model.reference(ids));
      tokens.push_back(std::move(ids));
      // Capacities differ: they decide about scratch and the layout of the cache.
      sessions.push_back(nullptr);
      CHECK_OK(qw_session_create(program, length + 7 * int64_t(sessions.size()), qw_kv_plain(cache), &sessions.back()));
    }
  }
  ~Sequences() {
    for (qw_session* session : sessions) qw_session_free(session);
    qw_program_free(program);
  }
  int64_t held(size_t s) const { return qw_session_length(sessions[s]); }
  qw_part part(size_t s, int64_t count, qw_rows rows) const { return {sessions[s], tokens[s].data() + held(s), count, rows, nullptr}; }
  qw_status run(const std::vector<qw_part>& parts, std::vector<float>& out) const {
    int64_t rows = 0;
    for (const qw_part& part : parts) rows += part.rows == QW_ROWS_ALL ? part.count : part.rows == QW_ROWS_LAST ? 1 : 0;
    out.assign(size_t(rows * model.vocabulary), NAN);
    return qw_program_run_batch(program, parts.data(), int64_t(parts.size()), out.data(), qw_pool_shared());
  }
  // Compares `rows` rows of out with the reference of sequence s from `position` on.
  void agrees(const char* name, const float* out, size_t s, int64_t position, int64_t rows) const {
    const Errors errors = compare(out, &wanted[s][size_t(position * model.vocabulary)], size_t(rows * model.vocabulary));
    errors.print(name);
    CHECK(errors.normalised() < kTolerance);
  }
};

void ragged_parts_give_the_reference_logits(const TinyLlama& model) {
  const int64_t v = model.vocabulary;
  every_level([&](qw_simd level) {
    Sequences all(model, {300, 40, 9, 1, 270});  // parts over the borders of chunks
    std::vector<float> out;
    CHECK_OK(all.run({all.part(0, 250, QW_ROWS_NONE), all.part(1, 20, QW_ROWS_LAST), all.part(2, 5, QW_ROWS_ALL), all.part(4, 262, QW_ROWS_ALL)}, out));
    all.agrees(qw_simd_name(level), out.data(), 1, 19, 1);
    all.agrees("  all of a short part", &out[size_t(v)], 2, 0, 5);
    all.agrees("  all of a part in two chunks", &out[size_t(6 * v)], 4, 0, 262);
    const int64_t lengths[] = {250, 20, 5, 0, 262};
    for (size_t s = 0; s < 5; ++s) CHECK(all.held(s) == lengths[s]);
    // One token of some, several of others; a sequence joins; the wanted rows have gaps between them.
    CHECK_OK(all.run({all.part(2, 1, QW_ROWS_LAST), all.part(0, 50, QW_ROWS_LAST), all.part(3, 1, QW_ROWS_ALL), all.part(1, 3, QW_ROWS_NONE), all.part(4, 2, QW_ROWS_LAST)}, out));
    all.agrees("  second run", out.data(), 2, 5, 1);
    all.agrees("  second run", &out[size_t(v)], 0, 299, 1);
    all.agrees("  second run", &out[size_t(2 * v)], 3, 0, 1);
    all.agrees("  second run", &out[size_t(3 * v)], 4, 263, 1);
    CHECK_OK(all.run({all.part(1, 17, QW_ROWS_ALL)}, out));
    all.agrees("  alone after batches", out.data(), 1, 23, 17);
  });
}

// Up to 8 rows go through the same kernels as one: each sequence's bits are those that it gets alone.
void decoding_together_is_decoding_alone_bit_by_bit(const TinyLlama& model) {
  const int64_t v = model.vocabulary;
  for (qw_type cache : {QW_F32, QW_F16}) {
    every_level([&](qw_simd) {
      const std::vector<int64_t> lengths = {30, 12, 47, 20, 21, 33, 16, 90};
      Sequences together(model, lengths, cache), alone(model, lengths, cache);
      std::vector<float> out, one;
      for (size_t s = 0; s < lengths.size(); ++s) {
        for (Sequences* all : {&together, &alone}) CHECK_OK(all->run({all->part(s, lengths[s] - 6, QW_ROWS_NONE)}, out));
      }
      for (int step = 0; step < 6; ++step) {
        std::vector<qw_part> parts;
        for (size_t s = 0; s < lengths.size(); ++s) parts.push_back(together.part(s, 1, QW_ROWS_LAST));
        CHECK_OK(together.run(parts, out));
        for (size_t s = 0; s < lengths.size(); ++s) {
          CHECK_OK(alone.run({alone.part(s, 1, QW_ROWS_LAST)}, one));
          CHECK(std::memcmp(one.data(), &out[s * size_t(v)], size_t(v) * sizeof(float)) == 0);
        }
      }
    });
  }
}

void scores_of_several_windows_are_those_of_each(const TinyLlama& model) {
  every_level([&](qw_simd level) {
    const std::vector<int64_t> lengths = {40, 300, 2, 100}, from = {0, 250, 0, 99};
    Sequences together(model, lengths), alone(model, lengths);
    std::vector<qw_scored_part> parts;
    std::vector<double> wanted;
    for (size_t s = 0; s < lengths.size(); ++s) {
      parts.push_back({together.sessions[s], together.tokens[s].data(), lengths[s], from[s]});
      std::vector<double> nll(size_t(lengths[s] - 1 - from[s]));
      CHECK_OK(qw_program_score(alone.program, alone.sessions[s], alone.tokens[s].data(), lengths[s], from[s], nll.data(), qw_pool_shared()));
      wanted.insert(wanted.end(), nll.begin(), nll.end());
    }
    std::vector<double> got(wanted.size(), NAN);
    CHECK_OK(qw_program_score_batch(together.program, parts.data(), int64_t(parts.size()), got.data(), qw_pool_shared()));
    double worst = 0;
    for (size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::fabs(got[i] - wanted[i]));
    std::printf("  %s: worst difference of a score %.2e\n", qw_simd_name(level), worst);
    CHECK(worst < 1e-5);
    for (size_t s = 0; s < lengths.size(); ++s) CHECK(together.held(s) == lengths[s]);
  });
}

void a_bad_part_is_named_and_leaves_all_as_they_were(const TinyLlama& model) {
  Sequences all(model, {10, 10, 10});
  std::vector<float> out;
  CHECK_OK(all.run({all.part(0, 4, QW_ROWS_NONE), all.part(1, 2, QW_ROWS_NONE)}, out));
  const int32_t outside[] = {3, 50};
  CHECK_FAILS(all.run({all.part(0, 1, QW_ROWS_LAST), {all.sessions[1], outside, 2, QW_ROWS_LAST, nullptr}}, out), QW_INVALID_ARGUMENT,
              "Part 1: Token 50 at index 1 is outside");
  CHECK_FAILS(all.run({all.part(0, 1, QW_ROWS_LAST), all.part(1, 1, QW_ROWS_LAST), all.part(0, 1, QW_ROWS_LAST)}, out), QW_INVALID_ARGUMENT,
              "Parts 0 and 2 of the batch have the same session");
  CHECK_FAILS(all.run({all.part(0, 60, QW_ROWS_LAST), all.part(1, 1, QW_ROWS_LAST)}, out), QW_INVALID_ARGUMENT, "Part 0: The run needs room for 60 tokens");
  CHECK_FAILS(all.run({all.part(0, 1, QW_ROWS_LAST), all.part(2, 0, QW_ROWS_LAST)}, out), QW_INVALID_ARGUMENT, "Part 1: A run needs at least one token");
  CHECK(all.held(0) == 4 && all.held(1) == 2 && all.held(2) == 0);
  CHECK_OK(all.run({all.part(0, 6, QW_ROWS_LAST), all.part(1, 8, QW_ROWS_LAST)}, out));
  all.agrees("after refusals", out.data(), 0, 9, 1);
  all.agrees("after refusals", &out[size_t(model.vocabulary)], 1, 9, 1);
}

// Programs over hidden states: the body's own output, of rows with gaps between them too.
void hidden_programs_run_in_batches() {
  const int64_t width = 6;
  const int64_t widths[] = {width, width};
  qw_op op{};
  op.kind = QW_OP_ADD, op.out = 1;
  const qw_program_spec spec{QW_INPUT_HIDDEN, widths, 2, &op, 1, nullptr, 0, 1};
  qw_program* program = nullptr;
  qw_session* sessions[2];
  CHECK_OK(qw_program_create(&spec, &program));
  for (qw_session*& session : sessions) CHECK_OK(qw_session_create(program, 10, qw_kv_plain(QW_F32), &session));
  Random random(2);
  const std::vector<float> a = random.vector(size_t(3 * width)), b = random.vector(size_t(2 * width));
  const qw_part parts[] = {{sessions[0], a.data(), 3, QW_ROWS_LAST, nullptr}, {sessions[1], b.data(), 2, QW_ROWS_ALL, nullptr}};
  std::vector<float> out(size_t(3 * width), NAN);
  CHECK_OK(qw_program_run_batch(program, parts, 2, out.data(), qw_pool_shared()));
  for (int64_t i = 0; i < width; ++i) {
    CHECK(out[size_t(i)] == 2 * a[size_t(2 * width + i)]);
    CHECK(out[size_t(width + i)] == 2 * b[size_t(i)] && out[size_t(2 * width + i)] == 2 * b[size_t(width + i)]);
  }
  const qw_part gap[] = {{sessions[0], a.data(), 2, QW_ROWS_LAST, nullptr}, {sessions[1], b.data(), 2, QW_ROWS_LAST, nullptr}};
  CHECK_OK(qw_program_run_batch(program, gap, 2, out.data(), qw_pool_shared()));
  for (int64_t i = 0; i < width; ++i) CHECK(out[size_t(i)] == 2 * a[size_t(width + i)] && out[size_t(width + i)] == 2 * b[size_t(width + i)]);
  for (qw_session* session : sessions) qw_session_free(session);
  qw_program_free(program);
}

}  // namespace

int main() {
  const TinyLlama model;
  ragged_parts_give_the_reference_logits(model);
  decoding_together_is_decoding_alone_bit_by_bit(model);
  scores_of_several_windows_are_those_of_each(model);
  a_bad_part_is_named_and_leaves_all_as_they_were(model);
  hidden_programs_run_in_batches();
  return finish("program batch");
}
