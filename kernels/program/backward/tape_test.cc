// Gradients of a whole model: cross entropy and squared error of a tiny Llama against differences of its forward pass in f64; what is refused.
#include "program/backward/backward.h"

#include <string>

#include "testing/tiny_llama.h"

using namespace qw_test;

namespace {

const std::vector<int64_t> kLengths{6, 4};
const std::vector<int32_t> kTokens{3, 17, 4, 9, 48, 2, 30, 7, 7, 11};

std::vector<int32_t> next_tokens() {
  std::vector<int32_t> targets(kTokens.begin() + 1, kTokens.end());
  targets.push_back(-1);
  targets[5] = -1;
  return targets;
}

double reference_loss(const TinyLlama& model) {
  const std::vector<int32_t> targets = next_tokens();
  double sum = 0;
  int64_t counted = 0, first = 0;
  for (int64_t length : kLengths) {
    const std::vector<double> logits = model.reference({kTokens.begin() + first, kTokens.begin() + first + length});
    for (int64_t t = 0; t < length; ++t) {
      const int32_t target = targets[size_t(first + t)];
      if (target < 0) continue;
      double total = 0;
      for (int64_t v = 0; v < model.vocabulary; ++v) total += std::exp(logits[size_t(t * model.vocabulary + v)]);
      sum += std::log(total) - logits[size_t(t * model.vocabulary + target)];
      ++counted;
    }
    first += length;
  }
  return sum / double(counted);
}

// By every element of a parameter of the model: moved so little that the third derivative of sharp attention does not count (the loss is f64), and divided by
// the move that f32 made of it.
std::vector<double> differences(TinyLlama& model, std::vector<float>& parameter) {
  constexpr float h = 1.0f / 16384;
  std::vector<double> out;
  for (float& at : parameter) {
    const float before = at, above = before + h, below = before - h;
    at = above;
    const double more = reference_loss(model);
    at = below;
    out.push_back((more - reference_loss(model)) / (double(above) - double(below)));
    at = before;
  }
  return out;
}

void a_model_has_the_gradients_of_its_loss() {
  TinyLlama model;
  // body: embed, then 15 ops a layer: norm, q, k, v, rope, rope, attention, o, add, norm, gate, up, silu_mul, down, add.
  const std::vector<float> ones(size_t(model.hidden), 1.0f);
  const std::vector<float>& up = model.layer[0].up;
  const qw_wanted wanted[] = {{1, QW_GRADIENT_VECTOR, nullptr},  {10, QW_GRADIENT_VECTOR, nullptr}, {16, QW_GRADIENT_VECTOR, nullptr}, {2, QW_GRADIENT_MATRIX, nullptr},
                              {18, QW_GRADIENT_MATRIX, nullptr}, {29, QW_GRADIENT_MATRIX, nullptr}, {31, QW_GRADIENT_VECTOR, nullptr}, {12, QW_GRADIENT_COLUMNS, up.data()},
                              {12, QW_GRADIENT_MATRIX, nullptr}};
  const qw_program_spec program = model.spec();
  const qw_tape_spec spec{&program, nullptr, 0, wanted, 9, 0};
  std::vector<float>* parameters[] = {&model.layer[0].norm1, &model.layer[0].norm2, &model.layer[1].norm1, &model.layer[0].q, &model.layer[1].k, &model.layer[1].down, &model.norm};
  std::vector<std::vector<double>> expected;
  for (std::vector<float>* parameter : parameters) expected.push_back(differences(model, *parameter));
  const std::vector<int32_t> targets = next_tokens();
  const double loss = reference_loss(model);
  every_level([&](qw_simd level) {
    qw_tape* tape = nullptr;
    CHECK_OK(qw_tape_create(&spec, &tape));
    std::vector<std::vector<float>> got;
    std::vector<float*> places;
    for (int64_t i = 0; i < qw_tape_wanted_count(tape); ++i) got.emplace_back(size_t(qw_tape_wanted_size(tape, i)), 7.0f);
    for (auto& gradient : got) places.push_back(gradient.data());
    const qw_sequences sequences{kTokens.data(), kLengths.data(), 2};
    double measured = 0;
    for (int again = 0; again < 2; ++again) {
      CHECK_OK(qw_tape_cross_entropy(tape, &sequences, targets.data(), &measured, nullptr, places.data(), qw_pool_shared()));
    }
    std::printf("  %s loss %.7f, in f64 %.7f\n", qw_simd_name(level), measured, loss);
    CHECK(std::fabs(measured - loss) < 1e-5);
    for (size_t i = 0; i < expected.size(); ++i) {
      const Errors errors = compare(got[i].data(), expected[i].data(), got[i].size());
      CHECK(errors.normalised() <= 3e-5);
      if (errors.normalised() > 3e-5) errors.print(("wanted " + std::to_string(i)).c_str());
    }
    // Columns sum up the gradient of the matrix.
    std::vector<double> columns(size_t(model.hidden));
    for (size_t i = 0; i < up.size(); ++i) columns[i % size_t(model.hidden)] += double(got[8][i]) * double(up[i]);
    CHECK(compare(got[7].data(), columns.data(), columns.size()).normalised() <= 1e-5);
    qw_tape_free(tape);
  });
}

// A head over hidden states, wide enough that its rows run in pieces: closed form of its gradient.
void logits_never_pile_up() {
  const int64_t vocabulary = 20000, hidden = 3, rows = 600;
  Random random(3);
  const std::vector<float> table = random.vector(size_t(vocabulary * hidden)), x = random.vector(size_t(rows * hidden));
  const qw_dense dense{QW_F32, vocabulary, hidden, table.data()};
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_dense(&dense, &weight));
  qw_op op{};
  op.kind = QW_OP_LINEAR, op.out = 1, op.weight = weight;
  const int64_t widths[] = {hidden, vocabulary};
  const qw_program_spec program{QW_INPUT_HIDDEN, widths, 2, nullptr, 0, &op, 1, 1};
  const qw_tape_spec spec{&program, nullptr, 0, nullptr, 0, 1};
  std::vector<int32_t> targets;
  for (int64_t r = 0; r < rows; ++r) targets.push_back(r % 5 == 4 ? -1 : int32_t(random.integer(0, vocabulary - 1)));
  std::vector<double> expected(x.size());
  double loss = 0;
  for (int64_t r = 0; r < rows; ++r) {
    if (targets[size_t(r)] < 0) continue;
    std::vector<double> sums(static_cast<size_t>(hidden));
    double total = 0, chosen = 0;
    for (int64_t v = 0; v < vocabulary; ++v) {
      double logit = 0;
      for (int64_t d = 0; d < hidden; ++d) logit += double(table[size_t(v * hidden + d)]) * double(x[size_t(r * hidden + d)]);
      total += std::exp(logit);
      for (int64_t d = 0; d < hidden; ++d) sums[size_t(d)] += std::exp(logit) * double(table[size_t(v * hidden + d)]);
      if (v == targets[size_t(r)]) chosen = logit;
    }
    loss += (std::log(total) - chosen) / 480;
    for (int64_t d = 0; d < hidden; ++d) expected[size_t(r * hidden + d)] = (sums[size_t(d)] / total - double(table[size_t(targets[size_t(r)] * hidden + d)])) / 480;
  }
  qw_tape* tape = nullptr;
  CHECK_OK(qw_tape_create(&spec, &tape));
  std::vector<float> input(x.size());
  double measured = 0;
  const qw_sequences sequences{x.data(), &rows, 1};
  CHECK_OK(qw_tape_cross_entropy(tape, &sequences, targets.data(), &measured, input.data(), nullptr, qw_pool_shared()));
  CHECK(std::fabs(measured - loss) < 1e-5);
  CHECK(compare(input.data(), expected.data(), input.size()).normalised() < 1e-5);
  const std::vector<int32_t> none(size_t(rows), -1);
  CHECK_FAILS(qw_tape_cross_entropy(tape, &sequences, none.data(), &measured, input.data(), nullptr, qw_pool_shared()), QW_INVALID_ARGUMENT, "No row has a target");
  qw_tape_free(tape);
  qw_weight_free(weight);
}

// Replaced parameters are read at every run; the gradient of a squared error is that of its differences.
void squared_error_of_replaced_parameters() {
  const int64_t rows = 3, width = 4, outputs = 5;
  Random random(4);
  const std::vector<float> stored(size_t(outputs * width), 0.0f), x = random.vector(size_t(rows * width)), target = random.vector(size_t(rows * outputs));
  std::vector<float> matrix = random.vector(stored.size());
  const qw_dense dense{QW_F32, outputs, width, stored.data()};
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_dense(&dense, &weight));
  qw_op op{};
  op.kind = QW_OP_LINEAR, op.out = 1, op.weight = weight;
  const int64_t widths[] = {width, outputs};
  const qw_program_spec program{QW_INPUT_HIDDEN, widths, 2, &op, 1, nullptr, 0, 1};
  const qw_replaced replaced{0, matrix.data(), nullptr, nullptr};
  const qw_wanted wanted{0, QW_GRADIENT_MATRIX, nullptr};
  const qw_tape_spec spec{&program, &replaced, 1, &wanted, 1, 0};
  qw_tape* tape = nullptr;
  CHECK_OK(qw_tape_create(&spec, &tape));
  const qw_sequences sequences{x.data(), &rows, 1};
  for (int change = 0; change < 2; ++change) {
    std::vector<float> gradient(matrix.size());
    float* place = gradient.data();
    double loss = 0, expected = 0;
    std::vector<double> by_matrix(matrix.size());
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t o = 0; o < outputs; ++o) {
        double y = -double(target[size_t(r * outputs + o)]);
        for (int64_t c = 0; c < width; ++c) y += double(x[size_t(r * width + c)]) * double(matrix[size_t(o * width + c)]);
        expected += y * y / double(rows * outputs);
        for (int64_t c = 0; c < width; ++c) by_matrix[size_t(o * width + c)] += 2 * y * double(x[size_t(r * width + c)]) / double(rows * outputs);
      }
    }
    CHECK_OK(qw_tape_squared_error(tape, &sequences, target.data(), &loss, nullptr, &place, qw_pool_shared()));
    CHECK(std::fabs(loss - expected) < 1e-5);
    CHECK(compare(gradient.data(), by_matrix.data(), gradient.size()).normalised() < 1e-5);
    for (float& m : matrix) m = 0.5f * m + 0.1f;
  }
  float unwanted[12], *places[1] = {unwanted};
  double loss = 0;
  CHECK_FAILS(qw_tape_squared_error(tape, &sequences, target.data(), &loss, unwanted, places, qw_pool_shared()), QW_INVALID_ARGUMENT, "not made for the gradient of its input");
  qw_tape_free(tape);
  qw_weight_free(weight);
}

void what_has_no_gradient_is_refused() {
  TinyLlama model;
  const qw_program_spec program = model.spec();
  qw_tape* tape = nullptr;
  const auto create = [&](qw_wanted wanted) {
    const qw_tape_spec spec{&program, nullptr, 0, &wanted, 1, 0};
    return qw_tape_create(&spec, &tape);
  };
  CHECK_FAILS(create({5, QW_GRADIENT_VECTOR, nullptr}), QW_INVALID_ARGUMENT, "body[5] rope: has no gradient of its vector.");
  CHECK_FAILS(create({2, QW_GRADIENT_COLUMNS, nullptr}), QW_INVALID_ARGUMENT, "body[2] linear: the gradient of columns needs the matrix");
  CHECK_FAILS(create({99, QW_GRADIENT_MATRIX, nullptr}), QW_INVALID_ARGUMENT, "no op 99");
  const qw_tape_spec of_tokens{&program, nullptr, 0, nullptr, 0, 1};
  CHECK_FAILS(qw_tape_create(&of_tokens, &tape), QW_INVALID_ARGUMENT, "Tokens have no gradient");
  const qw_replaced replaced{7, nullptr, model.norm.data(), nullptr};
  const qw_tape_spec replacing{&program, &replaced, 1, nullptr, 0, 0};
  CHECK_FAILS(qw_tape_create(&replacing, &tape), QW_INVALID_ARGUMENT, "body[7] attention: only the matrix, bias and input of a linear");
  const qw_tape_spec plain{&program, nullptr, 0, nullptr, 0, 0};
  CHECK_OK(qw_tape_create(&plain, &tape));
  const int32_t tokens[] = {3, 50};
  const int64_t length = 2, none = 0;
  const qw_sequences outside{tokens, &length, 1}, empty{tokens, &none, 1};
  CHECK_FAILS(qw_tape_forward(tape, &outside, 0, nullptr, qw_pool_shared()), QW_INVALID_ARGUMENT, "Token 50 at index 1");
  CHECK_FAILS(qw_tape_forward(tape, &empty, 0, nullptr, qw_pool_shared()), QW_INVALID_ARGUMENT, "at least one token");
  qw_tape_free(tape);
}

}  // namespace

int main() {
  a_model_has_the_gradients_of_its_loss();
  logits_never_pile_up();
  squared_error_of_replaced_parameters();
  what_has_no_gradient_is_refused();
  return finish("tape");
}
