#include "program/program.h"
#include "observe/observe.h"

#include <thread>

#include "testing/tiny_llama.h"

using namespace qw_test;

namespace {

constexpr double kTolerance = 2e-5;  // of the largest logit: f32 through two layers

std::vector<int32_t> random_tokens(int64_t count, int64_t vocabulary) {
  Random random(77);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) tokens.push_back(int32_t(random.integer(0, vocabulary - 1)));
  return tokens;
}

struct Running {
  qw_program* program = nullptr;
  qw_session* session = nullptr;
  Running(const TinyLlama& model, int64_t capacity, qw_type cache) {
    const qw_program_spec spec = model.spec();
    CHECK_OK(qw_program_create(&spec, &program));
    CHECK_OK(qw_session_create(program, capacity, qw_kv_plain(cache), &session));
  }
  ~Running() {
    qw_session_free(session);
    qw_program_free(program);
  }
  qw_status run(const int32_t* tokens, int64_t count, qw_rows rows, float* out) {
    return qw_program_run(program, session, tokens, count, rows, out, qw_pool_shared());
  }
};

void agrees(const char* name, qw_simd level, const float* got, const double* wanted, size_t count, double tolerance) {
  const Errors errors = compare(got, wanted, count);
  char words[80];
  std::snprintf(words, sizeof words, "%s %s", qw_simd_name(level), name);
  errors.print(words);
  CHECK(errors.normalised() < tolerance);
}

void every_way_of_feeding_gives_the_reference_logits(const TinyLlama& model) {
  const int64_t count = 300, v = model.vocabulary;  // more than a chunk
  const std::vector<int32_t> tokens = random_tokens(count, v);
  const std::vector<double> wanted = model.reference(tokens);
  every_level([&](qw_simd level) {
    {
      Running all(model, count, QW_F32);
      std::vector<float> out(size_t(count * v));
      CHECK_OK(all.run(tokens.data(), count, QW_ROWS_ALL, out.data()));
      agrees("all rows at once", level, out.data(), wanted.data(), out.size(), kTolerance);
      CHECK(qw_session_length(all.session) == count);
    }
    {
      Running last(model, count + 40, QW_F32);
      std::vector<float> out(static_cast<size_t>(v));
      CHECK_OK(last.run(tokens.data(), 270, QW_ROWS_LAST, out.data()));
      agrees("last of two chunks", level, out.data(), &wanted[size_t(269 * v)], out.size(), kTolerance);
      CHECK_OK(last.run(tokens.data() + 270, 5, QW_ROWS_NONE, nullptr));
      for (int64_t t = 275; t < count; ++t) CHECK_OK(last.run(tokens.data() + t, 1, QW_ROWS_LAST, out.data()));
      agrees("token by token", level, out.data(), &wanted[size_t((count - 1) * v)], out.size(), kTolerance);
      CHECK_OK(qw_session_truncate(last.session, 100));
      CHECK_OK(last.run(tokens.data() + 100, 20, QW_ROWS_LAST, out.data()));
      agrees("after truncation", level, out.data(), &wanted[size_t(119 * v)], out.size(), kTolerance);
    }
    Running half(model, count, QW_F16);
    std::vector<float> out(size_t(count * v));
    CHECK_OK(half.run(tokens.data(), count, QW_ROWS_ALL, out.data()));
    agrees("f16 cache", level, out.data(), wanted.data(), out.size(), 5e-3);
  });
}

void scores_are_the_log_likelihoods_of_the_reference(const TinyLlama& model) {
  const int64_t count = 290, v = model.vocabulary;
  const std::vector<int32_t> tokens = random_tokens(count, v);
  const std::vector<double> logits = model.reference(tokens);
  std::vector<double> wanted;
  for (int64_t i = 0; i + 1 < count; ++i) {
    double total = 0;
    for (int64_t j = 0; j < v; ++j) total += std::exp(logits[size_t(i * v + j)]);
    wanted.push_back(std::log(total) - logits[size_t(i * v + tokens[size_t(i + 1)])]);
  }
  every_level([&](qw_simd level) {
    for (int64_t from : {int64_t(0), int64_t(200), int64_t(280), count - 1}) {
      Running running(model, count, QW_F32);
      std::vector<double> nll(size_t(count - 1 - from));
      CHECK_OK(qw_program_score(running.program, running.session, tokens.data(), count, from, nll.data(), qw_pool_shared()));
      const Errors errors = compare(nll.data(), wanted.data() + from, nll.size());
      if (from == 0) errors.print(qw_simd_name(level));
      CHECK(errors.max_abs < 2e-4);
      CHECK(qw_session_length(running.session) == count);
    }
  });
}

void hidden_programs_observe_what_passes_through() {
  const int64_t width = 20, rows = 300;
  Random random(9);
  const std::vector<float> x = random.vector(size_t(rows * width));
  const int64_t widths[] = {width, width};
  qw_op ops[6] = {};
  ops[0].kind = QW_OP_OBSERVE, ops[0].observe = QW_OBSERVE_ABSMAX, ops[0].slot = 0;
  ops[1].kind = QW_OP_OBSERVE, ops[1].observe = QW_OBSERVE_HESSIAN, ops[1].slot = 7;
  ops[2].kind = QW_OP_OBSERVE, ops[2].observe = QW_OBSERVE_CAPTURE, ops[2].slot = 3;
  ops[3].kind = QW_OP_OBSERVE, ops[3].observe = QW_OBSERVE_RANGE, ops[3].slot = 4;
  ops[4].kind = QW_OP_OBSERVE, ops[4].observe = QW_OBSERVE_HISTOGRAM, ops[4].slot = 5, ops[4].bins = 48;
  ops[5].kind = QW_OP_ADD, ops[5].out = 1;
  const qw_program_spec spec{QW_INPUT_HIDDEN, widths, 2, ops, 6, nullptr, 0, 1};
  qw_program* refused = nullptr;
  const qw_status status = qw_program_create(&spec, &refused);
  CHECK(status.code == QW_INVALID_ARGUMENT && std::strstr(status.message, "bins must be a power of two from 16 to 65536, not 48") != nullptr);
  ops[4].bins = 64;
  qw_program* program = nullptr;
  CHECK_OK(qw_program_create(&spec, &program));
  CHECK(qw_program_observed_size(program, 0) == 0);
  CHECK(qw_program_observed_size(program, 6) == -1);
  std::vector<float> out(x.size());
  for (int half = 0; half < 2; ++half) {
    qw_session* session = nullptr;
    CHECK_OK(qw_session_create(program, 1000, qw_kv_plain(QW_F32), &session));
    CHECK(qw_session_cache_bytes(session) == 0);
    const int64_t begin = half == 0 ? 0 : 270, count = half == 0 ? 270 : 30;
    CHECK_OK(qw_program_run(program, session, x.data() + begin * width, count, QW_ROWS_ALL, out.data() + begin * width, qw_pool_shared()));
    qw_session_free(session);
  }
  bool doubled = true;
  for (size_t i = 0; i < x.size(); ++i) doubled = doubled && out[i] == 2 * x[i];
  CHECK(doubled);

  std::vector<float> absmax(static_cast<size_t>(width)), wanted_absmax(static_cast<size_t>(width)), hessian(size_t(width * width)), capture(x.size());
  std::vector<double> wanted(size_t(width * width));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < width; ++i) {
      const float xi = x[size_t(r * width + i)];
      wanted_absmax[size_t(i)] = std::max(wanted_absmax[size_t(i)], std::fabs(xi));
      for (int64_t j = 0; j < width; ++j) wanted[size_t(i * width + j)] += double(xi) * double(x[size_t(r * width + j)]);
    }
  }
  CHECK(qw_program_observed_size(program, 0) == width);
  CHECK(qw_program_observed_size(program, 7) == width * width);
  CHECK(qw_program_observed_size(program, 3) == rows * width);
  qw_program_observed(program, 0, absmax.data());
  qw_program_observed(program, 7, hessian.data());
  qw_program_observed(program, 3, capture.data());
  CHECK(absmax == wanted_absmax);
  CHECK(capture == x);
  CHECK(compare(hessian.data(), wanted.data(), wanted.size()).normalised() < 1e-6);
  std::vector<float> ranges(size_t(2 * rows)), wanted_ranges(size_t(2 * rows)), histogram(67);
  qw_range(x.data(), rows, width, wanted_ranges.data(), qw_pool_shared());
  qw::Histogram wanted_histogram(64);
  wanted_histogram.add(x.data(), rows, width, qw_pool_shared());
  CHECK(qw_program_observed_size(program, 4) == 2 * rows);
  CHECK(qw_program_observed_size(program, 5) == 67);
  qw_program_observed(program, 4, ranges.data());
  qw_program_observed(program, 5, histogram.data());
  CHECK(ranges == wanted_ranges);
  CHECK(histogram[0] == wanted_histogram.low && histogram[1] == wanted_histogram.high && histogram[2] == wanted_histogram.limit);
  for (size_t bin = 0; bin < 64; ++bin) CHECK(histogram[3 + bin] == float(wanted_histogram.counts[bin]));
  qw_program_reset_observers(program);
  CHECK(qw_program_observed_size(program, 3) == 0);
  CHECK(qw_program_observed_size(program, 5) == 0);
  qw_program_free(program);
}

// h += table[offset + p]; n = layernorm(h); a = gelu_tanh(n) * n; r = rmsnorm by heads (a)
void learned_positions_layer_norms_and_activations_follow_their_formulas() {
  const int64_t width = 24, heads = 3, part = width / heads, positions = 9, offset = 2;
  Random random(5);
  const std::vector<float> tokens = random.vector(size_t(positions * width)), rows = random.vector(size_t((positions + offset) * width));
  std::vector<float> norm = random.vector(size_t(2 * width));
  const std::vector<float> head_norm = random.vector(size_t(part));
  qw_weight *embedding = nullptr, *table = nullptr;
  const qw_dense token_rows{QW_F32, positions, width, tokens.data()}, position_rows{QW_F32, positions + offset, width, rows.data()};
  CHECK_OK(qw_weight_dense(&token_rows, &embedding));
  CHECK_OK(qw_weight_dense(&position_rows, &table));
  qw_op body[7] = {};
  body[0].kind = QW_OP_EMBED, body[0].weight = embedding, body[0].out = 0;
  body[1].kind = QW_OP_POSITION, body[1].in[0] = 0, body[1].out = 0, body[1].weight = table, body[1].offset = offset;
  body[2].kind = QW_OP_LAYERNORM, body[2].in[0] = 0, body[2].out = 1, body[2].vector = norm.data(), body[2].vector_length = 2 * width, body[2].number = 1e-5f;
  body[3].kind = QW_OP_ACTIVATE, body[3].activation = QW_GELU_TANH, body[3].in[0] = body[3].in[1] = 1, body[3].gated = 1, body[3].out = 2, body[3].number = 1;
  // Two parts a stride apart, and the whole: copies of all columns.
  body[4].kind = QW_OP_SLICE, body[4].in[0] = 2, body[4].out = 3, body[4].heads = 2, body[4].offset = 0, body[4].window = 12;
  body[5].kind = QW_OP_SLICE, body[5].in[0] = 3, body[5].out = 2, body[5].heads = 1, body[5].offset = 0;
  body[6].kind = QW_OP_RMSNORM, body[6].in[0] = 2, body[6].out = 2, body[6].heads = heads, body[6].vector = head_norm.data();
  body[6].vector_length = part, body[6].number = 1e-6f;
  const int64_t widths[4] = {width, width, width, width};
  const qw_program_spec spec{QW_INPUT_TOKENS, widths, 4, body, 7, nullptr, 0, 2};
  std::vector<double> wanted;
  for (int64_t p = 0; p < positions; ++p) {
    std::vector<double> x(static_cast<size_t>(width));
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < width; ++i) mean += x[size_t(i)] = double(tokens[size_t(p * width + i)]) + double(rows[size_t((p + offset) * width + i)]);
    mean /= double(width);
    for (double value : x) variance += (value - mean) * (value - mean) / double(width);
    for (int64_t i = 0; i < width; ++i) {
      const double n = (x[size_t(i)] - mean) / std::sqrt(variance + 1e-5) * double(norm[size_t(i)]) + double(norm[size_t(width + i)]);
      x[size_t(i)] = 0.5 * n * (1 + std::tanh(std::sqrt(2 / M_PI) * (n + 0.044715 * n * n * n))) * n;
    }
    for (int64_t h = 0; h < heads; ++h) {
      double squares = 0;
      for (int64_t i = 0; i < part; ++i) squares += x[size_t(h * part + i)] * x[size_t(h * part + i)];
      for (int64_t i = 0; i < part; ++i) wanted.push_back(x[size_t(h * part + i)] / std::sqrt(squares / double(part) + 1e-6) * double(head_norm[size_t(i)]));
    }
  }
  std::vector<int32_t> ids;
  for (int32_t p = 0; p < positions; ++p) ids.push_back(p);
  every_level([&](qw_simd level) {
    qw_program* program = nullptr;
    qw_session* session = nullptr;
    CHECK_OK(qw_program_create(&spec, &program));
    CHECK_FAILS(qw_session_create(program, positions + 1, qw_kv_plain(QW_F32), &session), QW_INVALID_ARGUMENT, "1..9 tokens, the positions that the model has embeddings for");
    CHECK_OK(qw_session_create(program, positions, qw_kv_plain(QW_F32), &session));
    std::vector<float> out(size_t(positions * width));
    CHECK_OK(qw_program_run(program, session, ids.data(), 4, QW_ROWS_ALL, out.data(), qw_pool_shared()));
    CHECK_OK(qw_program_run(program, session, ids.data() + 4, 5, QW_ROWS_ALL, out.data() + 4 * width, qw_pool_shared()));
    agrees("layernorm, activate, position", level, out.data(), wanted.data(), out.size(), kTolerance);
    qw_session_free(session);
    qw_program_free(program);
  });
  qw_weight_free(embedding);
  qw_weight_free(table);
}

void misuse_of_a_session_is_refused_in_words(const TinyLlama& model) {
  Running running(model, 10, QW_F32);
  const std::vector<int32_t> tokens = random_tokens(12, model.vocabulary);
  std::vector<float> out(size_t(12 * model.vocabulary));
  CHECK_OK(running.run(tokens.data(), 7, QW_ROWS_NONE, nullptr));
  CHECK_FAILS(running.run(tokens.data(), 5, QW_ROWS_LAST, out.data()), QW_INVALID_ARGUMENT, "holds 7 of 10");
  CHECK_FAILS(running.run(tokens.data(), 0, QW_ROWS_LAST, out.data()), QW_INVALID_ARGUMENT, "at least one token");
  const int32_t outside[] = {3, 50};
  CHECK_FAILS(running.run(outside, 2, QW_ROWS_LAST, out.data()), QW_INVALID_ARGUMENT, "Token 50 at index 1 is outside the embedding table (0..49)");
  CHECK(qw_session_length(running.session) == 7);
  CHECK_FAILS(qw_session_truncate(running.session, 8), QW_INVALID_ARGUMENT, "holds 7");
  CHECK_FAILS(qw_session_truncate(running.session, -1), QW_INVALID_ARGUMENT, "-1");
  double nll[12];
  CHECK_FAILS(qw_program_score(running.program, running.session, tokens.data(), 3, 3, nll, qw_pool_shared()), QW_INVALID_ARGUMENT, "from must be 0..2");
  qw_session* session = nullptr;
  CHECK_FAILS(qw_session_create(running.program, 0, qw_kv_plain(QW_F32), &session), QW_INVALID_ARGUMENT, "capacity");
  CHECK_FAILS(qw_session_create(running.program, 5, qw_kv_plain(QW_BF16), &session), QW_INVALID_ARGUMENT, "f32 or f16");
  const qw_program_spec spec = model.spec();
  qw_program* other = nullptr;
  CHECK_OK(qw_program_create(&spec, &other));
  CHECK_FAILS(qw_program_run(other, running.session, tokens.data(), 1, QW_ROWS_NONE, nullptr, qw_pool_shared()), QW_INVALID_ARGUMENT, "another program");
  qw_program_free(other);
}

void broken_programs_are_refused_in_words(const TinyLlama& model) {
  const auto refused = [&](const char* words, auto breakage) {
    std::vector<qw_op> body = model.body, head = model.head;
    std::vector<int64_t> widths = model.widths;
    qw_program_spec spec = model.spec();
    spec.widths = widths.data(), spec.body = body.data(), spec.head = head.data();
    breakage(spec, widths, body, head);
    qw_program* program = nullptr;
    CHECK_FAILS(qw_program_create(&spec, &program), QW_INVALID_ARGUMENT, words);
    CHECK(program == nullptr);
  };
  using Spec = qw_program_spec&;
  using Widths = std::vector<int64_t>&;
  using Ops = std::vector<qw_op>&;
  refused("body[2] linear: in (value 1) is 32 wide, but the weight's cols are 44", [](Spec, Widths, Ops b, Ops) { b[2].weight = b[14].weight; });
  refused("reads value 8 before any op has written it", [](Spec, Widths, Ops b, Ops) { b[1].in[0] = 8; });
  refused("body[1] rmsnorm: in is value 10, but the program has values 0..9", [](Spec, Widths, Ops b, Ops) { b[1].in[0] = 10; });
  refused("out is value -1", [](Spec, Widths, Ops b, Ops) { b[1].out = -1; });
  refused("out must not be in (value 1)", [](Spec, Widths, Ops b, Ops) { b[2].out = 1; });
  refused("weight has 31 elements, but needs 32", [](Spec, Widths, Ops b, Ops) { b[1].vector_length = 31; });
  refused("bias has 5 elements, but needs 32", [](Spec, Widths, Ops b, Ops) { b[2].vector_length = 5; });
  refused("heads (3) must be a multiple of kvHeads (2)", [](Spec, Widths, Ops b, Ops) { b[7].heads = 3; });
  refused("cache layer 0 is used by another attention op", [](Spec, Widths, Ops b, Ops) { b[22].layer = 0; });
  refused("headDim must be even", [](Spec, Widths, Ops b, Ops) { b[5].head_dim = 7; });
  refused("attention belongs in the body", [](Spec, Widths, Ops b, Ops h) { h[0] = b[7]; });
  refused("embed must be the first op", [](Spec, Widths, Ops b, Ops) { b[3] = b[0]; });
  refused("must begin with an embed op", [](Spec s, Widths, Ops, Ops) { s.body_count = 0; });
  refused("embed needs a program whose input is tokens", [](Spec s, Widths, Ops, Ops) { s.input = QW_INPUT_HIDDEN; });
  refused("weight is missing", [](Spec, Widths, Ops b, Ops) { b[2].weight = nullptr; });
  refused("unknown op", [](Spec, Widths, Ops b, Ops) { b[2].kind = QW_OP_COUNT; });
  refused("layernorm: weight has 5 elements, but needs 32", [](Spec, Widths, Ops b, Ops) { b[1].kind = QW_OP_LAYERNORM, b[1].vector_length = 5; });
  refused("rmsnorm: 5 heads do not divide the width of in, 32", [](Spec, Widths, Ops b, Ops) { b[1].heads = 5; });
  refused("activate: softcap needs a number above 0", [](Spec, Widths, Ops b, Ops) {
    b[1].kind = QW_OP_ACTIVATE, b[1].activation = QW_SOFTCAP, b[1].number = 0;
  });
  refused("position: offset must be a row of the table, which has 50", [](Spec, Widths, Ops b, Ops) {
    b[1].kind = QW_OP_POSITION, b[1].weight = b[0].weight, b[1].offset = 50;
  });
  refused("slice: the last part ends at column 33, but in has 32", [](Spec, Widths, Ops b, Ops) {
    b[1].kind = QW_OP_SLICE, b[1].heads = 1, b[1].offset = 1;
  });
  refused("attention: softcap must be a finite number", [](Spec, Widths, Ops b, Ops) { b[7].softcap = -1; });
  refused("inverseFrequency has 5 elements, but needs 1..4", [](Spec, Widths, Ops b, Ops) { b[5].vector_length = 5; });
  refused("output is value 99", [](Spec s, Widths, Ops, Ops) { s.output = 99; });
  refused("Value 3 is 0 wide", [](Spec, Widths w, Ops, Ops) { w[3] = 0; });
}

void scratch_is_shared_by_values_that_do_not_meet(const TinyLlama& model) {
  Running running(model, 10, QW_F32);
  size_t all_widths = 0;
  for (int64_t width : model.widths) all_widths += size_t(width + 15) / 16 * 16;
  CHECK(qw_program_scratch_bytes(running.program) < all_widths * 256 * sizeof(float));
  CHECK(qw_program_weight_bytes(running.program) > size_t(50 * 32 * 4));
}

void sessions_of_one_program_run_at_the_same_time(const TinyLlama& model) {
  const int64_t count = 60, v = model.vocabulary;
  const std::vector<int32_t> tokens = random_tokens(count, v);
  const std::vector<double> wanted = model.reference(tokens);
  const qw_program_spec spec = model.spec();
  qw_program* program = nullptr;
  CHECK_OK(qw_program_create(&spec, &program));
  std::vector<std::vector<float>> outs(3, std::vector<float>(size_t(count * v)));
  std::vector<qw_session*> sessions(3);
  for (auto& session : sessions) CHECK_OK(qw_session_create(program, count, qw_kv_plain(QW_F32), &session));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] { qw_program_run(program, sessions[i], tokens.data(), count, QW_ROWS_ALL, outs[i].data(), qw_pool_shared()); });
  }
  for (auto& thread : threads) thread.join();
  for (size_t i = 0; i < 3; ++i) {
    CHECK(compare(outs[i].data(), wanted.data(), outs[i].size()).normalised() < kTolerance);
    qw_session_free(sessions[i]);
  }
  qw_program_free(program);
}

}  // namespace

int main() {
  const TinyLlama model;
  every_way_of_feeding_gives_the_reference_logits(model);
  scores_are_the_log_likelihoods_of_the_reference(model);
  hidden_programs_observe_what_passes_through();
  learned_positions_layer_norms_and_activations_follow_their_formulas();
  misuse_of_a_session_is_refused_in_words(model);
  broken_programs_are_refused_in_words(model);
  scratch_is_shared_by_values_that_do_not_meet(model);
  sessions_of_one_program_run_at_the_same_time(model);
  return finish("program");
}
