// Steps with guesses against steps of one token: the same tokens, the same bits.

#include "testing/tiny_llama.h"

using namespace qw_test;

namespace {

struct Running {
  qw_program* program = nullptr;
  qw_session* session = nullptr;
  qw_sampler* sampler = nullptr;
  Running(const TinyLlama& model, int64_t capacity, double temperature, double repetition = 1) {
    const qw_program_spec spec = model.spec();
    CHECK_OK(qw_program_create(&spec, &program));
    CHECK_OK(qw_session_create(program, capacity, qw_kv_plain(QW_F32), &session));
    const qw_sampling sampling{model.vocabulary, temperature, 0, 0.95, 0, repetition, 0, 0, 9, nullptr, nullptr, 0};
    CHECK_OK(qw_sampler_create(&sampling, &sampler));
  }
  ~Running() {
    qw_sampler_free(sampler);
    qw_session_free(session);
    qw_program_free(program);
  }
  std::vector<int32_t> step(const std::vector<int32_t>& tokens, int64_t drafted, const uint32_t* masks = nullptr) {
    qw_step step{};
    step.drafted = drafted, step.sampler = sampler, step.masks = masks;
    CHECK_OK(qw_program_step(program, session, tokens.data(), int64_t(tokens.size()), &step, qw_pool_shared()));
    return {step.tokens, step.tokens + step.sampled};
  }
};

std::vector<int32_t> one_by_one(const TinyLlama& model, const std::vector<int32_t>& prompt, size_t count, double temperature, double repetition) {
  Running running(model, 700, temperature, repetition);
  std::vector<int32_t> answer = running.step(prompt, 0);
  while (answer.size() < count) answer.push_back(running.step({answer.back()}, 0)[0]);
  return answer;
}

// Guesses that are sometimes right: those of the answer, with every seventh spoilt.
void guesses_change_nothing(const TinyLlama& model, size_t prompt_length, double temperature, double repetition) {
  Random random(prompt_length);
  std::vector<int32_t> prompt;
  for (size_t i = 0; i < prompt_length; ++i) prompt.push_back(int32_t(random.integer(0, model.vocabulary - 1)));
  const std::vector<int32_t> wanted = one_by_one(model, prompt, 60, temperature, repetition);
  for (size_t guesses = 1; guesses <= QW_MOST_DRAFTED; ++guesses) {
    Running running(model, 700, temperature, repetition);
    std::vector<int32_t> answer = running.step(prompt, 0);
    size_t steps = 1;
    for (; answer.size() + guesses < wanted.size(); ++steps) {
      std::vector<int32_t> input = {answer.back()};
      for (size_t g = 0; g < guesses; ++g) {
        const int32_t right = wanted[answer.size() + g];
        input.push_back((answer.size() + g) % 7 == 6 ? (right + 1) % int32_t(model.vocabulary) : right);
      }
      const std::vector<int32_t> more = running.step(input, int64_t(guesses));
      answer.insert(answer.end(), more.begin(), more.end());
      CHECK(qw_session_length(running.session) == int64_t(prompt.size() + answer.size()) - 1);
    }
    CHECK(std::equal(answer.begin(), answer.end(), wanted.begin()));
    CHECK(guesses == 1 || steps < answer.size() * 2 / 3);
  }
}

void rows_of_few_tokens_have_the_bits_of_single_ones(const TinyLlama& model) {
  const size_t v = size_t(model.vocabulary);
  for (const int64_t first : {int64_t(1), int64_t(60), int64_t(505), int64_t(511)}) {
    Random random(uint64_t(first) + 3);
    std::vector<int32_t> tokens;
    for (int64_t i = 0; i < first + 8; ++i) tokens.push_back(int32_t(random.integer(0, model.vocabulary - 1)));
    Running running(model, 700, 0);
    CHECK_OK(qw_program_run(running.program, running.session, tokens.data(), first, QW_ROWS_NONE, nullptr, qw_pool_shared()));
    std::vector<float> single(8 * v), together(8 * v);
    for (int64_t i = 0; i < 8; ++i) {
      CHECK_OK(qw_program_run(running.program, running.session, tokens.data() + first + i, 1, QW_ROWS_LAST, single.data() + size_t(i) * v, qw_pool_shared()));
    }
    for (int64_t rows = 2; rows <= 8; ++rows) {
      CHECK_OK(qw_session_truncate(running.session, first));
      CHECK_OK(qw_program_run(running.program, running.session, tokens.data() + first, rows, QW_ROWS_ALL, together.data(), qw_pool_shared()));
      CHECK(std::memcmp(single.data(), together.data(), size_t(rows) * v * sizeof(float)) == 0);
    }
  }
}

void masks_belong_to_rows(const TinyLlama& model) {
  Running running(model, 100, 1);
  const size_t words = size_t(model.vocabulary + 31) / 32;
  std::vector<uint32_t> masks(3 * words);
  for (size_t row = 0; row < 3; ++row) masks[row * words] = 1u << (row + 4);  // only one token each: 4, 5, 6
  CHECK((running.step({1, 4, 5}, 2, masks.data()) == std::vector<int32_t>{4, 5, 6}));
  CHECK(qw_session_length(running.session) == 3);
  CHECK((running.step({6, 4, 9}, 2, masks.data()) == std::vector<int32_t>{4, 5}));
  CHECK(qw_session_length(running.session) == 5);
}

void wrong_steps_are_refused(const TinyLlama& model) {
  Running running(model, 20, 0);
  const std::vector<int32_t> tokens(20, 1);
  const auto step = [&](int64_t count, int64_t drafted, qw_sampler* sampler, const uint32_t* masks) {
    qw_step one{};
    one.drafted = drafted, one.sampler = sampler, one.masks = masks;
    return qw_program_step(running.program, running.session, tokens.data(), count, &one, qw_pool_shared());
  };
  CHECK_FAILS(step(2, 2, running.sampler, nullptr), QW_INVALID_ARGUMENT, "drafted");
  CHECK_FAILS(step(12, QW_MOST_DRAFTED + 1, running.sampler, nullptr), QW_INVALID_ARGUMENT, "drafted");
  const qw_sampling narrow{10, 0, 0, 1, 0, 1, 0, 0, 0, nullptr, nullptr, 0};
  qw_sampler* other = nullptr;
  CHECK_OK(qw_sampler_create(&narrow, &other));
  CHECK_FAILS(step(1, 0, other, nullptr), QW_INVALID_ARGUMENT, "sampler is for 10");
  qw_sampler_free(other);
  const std::vector<uint32_t> nothing(4);
  CHECK_FAILS(step(3, 0, running.sampler, nothing.data()), QW_INVALID_ARGUMENT, "allowed");
  CHECK(qw_session_length(running.session) == 0);
}

// Steps, logits and prompts of several sequences in one batch: each as alone; a step that fails touches no other.
void steps_share_a_batch(const TinyLlama& model) {
  Running alone(model, 50, 1), a(model, 50, 1);
  const std::vector<int32_t> wanted = alone.step({3, 1, 4}, 0);
  std::vector<float> logits(size_t(model.vocabulary)), wanted_logits(size_t(model.vocabulary));
  qw_session *b = nullptr, *c = nullptr;
  CHECK_OK(qw_session_create(a.program, 50, qw_kv_plain(QW_F32), &b));
  CHECK_OK(qw_session_create(a.program, 50, qw_kv_plain(QW_F32), &c));
  const qw_sampling sampling{model.vocabulary, 0, 0, 1, 0, 1, 0, 0, 0, nullptr, nullptr, 0};
  qw_sampler* other = nullptr;
  CHECK_OK(qw_sampler_create(&sampling, &other));
  const std::vector<uint32_t> nothing(4);
  qw_step first{}, fails{};
  first.sampler = a.sampler, fails.sampler = other, fails.masks = nothing.data();
  const int32_t tokens[] = {3, 1, 4}, more[] = {9, 2};
  const qw_part parts[] = {{b, more, 2, QW_ROWS_LAST, nullptr}, {a.session, tokens, 3, QW_ROWS_NONE, &first}, {c, more, 2, QW_ROWS_NONE, &fails}};
  CHECK_OK(qw_program_run_batch(a.program, parts, 3, logits.data(), qw_pool_shared()));
  CHECK(first.status.code == QW_OK && first.sampled == 1 && first.tokens[0] == wanted[0]);
  CHECK(fails.status.code == QW_INVALID_ARGUMENT);
  CHECK(qw_session_length(a.session) == 3 && qw_session_length(b) == 2 && qw_session_length(c) == 0);
  CHECK_OK(qw_program_run(a.program, c, more, 2, QW_ROWS_LAST, wanted_logits.data(), qw_pool_shared()));
  CHECK(logits == wanted_logits);
  qw_sampler_free(other);
  qw_session_free(b);
  qw_session_free(c);
}

}  // namespace

int main() {
  const TinyLlama model;
  every_level([&](qw_simd) {
    rows_of_few_tokens_have_the_bits_of_single_ones(model);
    for (const size_t length : {size_t(1), size_t(100), size_t(490)}) {
      guesses_change_nothing(model, length, 0, 1);
      guesses_change_nothing(model, length, 1.5, 1.2);
    }
  });
  masks_belong_to_rows(model);
  wrong_steps_are_refused(model);
  steps_share_a_batch(model);
  return finish("speculation");
}
