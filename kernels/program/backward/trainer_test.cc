// Training through rounding: inputs of linears as integers of a row's scale, gradients that pass both roundings unchanged, AdamW against its formulas in f64, and
// a loss that falls. What cannot be trained is refused.
#include "program/backward/trainer.h"

#include <functional>
#include <string>

#include "program/backward/inputs.h"
#include "solve/rtn/values.h"
#include "testing/check.h"

using namespace qw_test;

namespace {

qw_activations token(qw_activation_rule rule, int bits, bool symmetric = true) {
  qw_activations inputs{};
  inputs.kind = QW_ACTIVATION_TOKEN, inputs.bits = bits, inputs.rule = rule, inputs.symmetric = symmetric ? 1 : 0;
  return inputs;
}

std::vector<float> rounded(const qw_activations& inputs, const std::vector<float>& x, int64_t rows) {
  std::vector<float> out(x.size());
  qw::rounded_inputs(inputs, x.data(), rows, int64_t(x.size()) / rows, out.data(), qw_pool_shared());
  return out;
}

void inputs_round_as_the_rules_say() {
  const auto row = [](const qw_activations& inputs, const std::vector<float>& x) { return rounded(inputs, x, 1); };
  // s = 2 * 8 / 16 = 1: +absmax loses a step, -absmax does not.
  CHECK(row(token(QW_ACTIVATION_ZEROQUANT, 4), {8.0f, -8.0f, 2.5f, -3.4f}) == (std::vector<float>{7, -8, 2, -3}));
  CHECK(row(token(QW_ACTIVATION_ZEROQUANT, 4), {8.0f, 1.0f}) == (std::vector<float>{7, 1}));
  // s = 16 / 16 = 1, codes counted from -4: the largest loses a step.
  CHECK(row(token(QW_ACTIVATION_ZEROQUANT, 4, false), {-4.0f, 12.0f, 3.4f}) == (std::vector<float>{-4, 11, 3}));
  // s = 7 / 7 = 1.
  CHECK(row(token(QW_ACTIVATION_SMOOTHQUANT, 4), {7.0f, -6.6f, 0.4f}) == (std::vector<float>{7, -7, 0}));
  CHECK(row(token(QW_ACTIVATION_DASHINFER, 4), {7.0f, -6.6f, 0.4f}) == (std::vector<float>{7, -7, 0}));
  // The range reaches to 0: s = 15 / 15 = 1.
  CHECK(row(token(QW_ACTIVATION_AFFINE, 4, false), {15.0f, 4.6f, 1.0f}) == (std::vector<float>{15, 5, 1}));
  // A zero point far outside the codes; halves go to the even code.
  CHECK(row(token(QW_ACTIVATION_ZEROQUANT, 4, false), {4194304.0f, 4194320.0f, 4194307.0f}) == (std::vector<float>{4194304, 4194319, 4194307}));
  CHECK(row(token(QW_ACTIVATION_ZEROQUANT, 4), {-8.0f, 2.5f, 3.5f, -0.5f}) == (std::vector<float>{-8, 2, 4, 0}));
  qw_activations tensor{};
  tensor.kind = QW_ACTIVATION_TENSOR, tensor.bits = 4, tensor.scale = 0.5f, tensor.zero = 8;
  CHECK(row(tensor, {0.6f, 100.0f, -100.0f}) == (std::vector<float>{0.5f, 3.5f, -4}));
  for (const qw_activation_rule rule : {QW_ACTIVATION_DASHINFER, QW_ACTIVATION_SMOOTHQUANT, QW_ACTIVATION_ZEROQUANT, QW_ACTIVATION_AFFINE}) {
    CHECK(row(token(rule, 8, rule != QW_ACTIVATION_AFFINE), {0.0f, 0.0f}) == (std::vector<float>{0, 0}));
  }
  // 8 bits are within half a step of every row's own scale, but for the end that clips.
  Random random(1);
  const std::vector<float> x = random.vector(size_t(7 * 33), 3.0f), out = rounded(token(QW_ACTIVATION_SMOOTHQUANT, 8), x, 7);
  for (int64_t r = 0; r < 7; ++r) {
    float most = 0, error = 0;
    for (int64_t c = r * 33; c < (r + 1) * 33; ++c) most = std::max(most, std::fabs(x[size_t(c)])), error = std::max(error, std::fabs(x[size_t(c)] - out[size_t(c)]));
    CHECK(error <= most / 127 * 0.5001f && error > 0);
  }
}

// y = W2 (W1 x): two linears, both reading rounded inputs.
struct TwoLinears {
  int64_t rows, width, inner, out;
  std::vector<float> w1, w2;
  qw_weight *first = nullptr, *second = nullptr;
  qw_op ops[2] = {};
  int64_t widths[3];
  std::vector<int64_t> lengths;

  TwoLinears(Random& random, int64_t rows_of, int64_t width_of, int64_t inner_of, int64_t out_of)
      : rows(rows_of), width(width_of), inner(inner_of), out(out_of), w1(random.vector(size_t(inner * width))), w2(random.vector(size_t(out * inner))),
        widths{width, inner, out}, lengths{rows} {
    const qw_dense one{QW_F32, inner, width, w1.data()}, two{QW_F32, out, inner, w2.data()};
    CHECK_OK(qw_weight_dense(&one, &first));
    CHECK_OK(qw_weight_dense(&two, &second));
    ops[0].kind = ops[1].kind = QW_OP_LINEAR;
    ops[0].out = 1, ops[0].weight = first;
    ops[1].in[0] = 1, ops[1].out = 2, ops[1].weight = second;
  }
  ~TwoLinears() { qw_weight_free(first), qw_weight_free(second); }
  qw_program_spec program() const { return {QW_INPUT_HIDDEN, widths, 3, ops, 2, nullptr, 0, 2}; }
};

std::vector<double> product(const std::vector<float>& x, const std::vector<float>& w, int64_t rows, int64_t cols, int64_t out) {
  std::vector<double> y(size_t(rows * out));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t o = 0; o < out; ++o) {
      for (int64_t c = 0; c < cols; ++c) y[size_t(r * out + o)] += double(x[size_t(r * cols + c)]) * double(w[size_t(o * cols + c)]);
    }
  }
  return y;
}

// What both roundings took away is a constant on the way back: with it held still, central differences of the loss are the gradients.
void gradients_pass_the_rounding_of_inputs() {
  Random random(2);
  TwoLinears net(random, 5, 12, 9, 6);
  const std::vector<float> x = random.vector(size_t(net.rows * net.width)), target = random.vector(size_t(net.rows * net.out));
  const qw_activations inputs = token(QW_ACTIVATION_ZEROQUANT, 4);
  const qw_program_spec program = net.program();
  const qw_replaced replaced[] = {{0, nullptr, nullptr, &inputs}, {1, nullptr, nullptr, &inputs}};
  const qw_wanted wanted[] = {{0, QW_GRADIENT_MATRIX, nullptr}, {1, QW_GRADIENT_MATRIX, nullptr}};
  const qw_tape_spec spec{&program, replaced, 2, wanted, 2, 1};
  const std::vector<float> x_rounded = rounded(inputs, x, net.rows);
  const std::vector<double> hidden = product(x_rounded, net.w1, net.rows, net.width, net.inner);
  const std::vector<float> hidden_f32(hidden.begin(), hidden.end()), hidden_rounded = rounded(inputs, hidden_f32, net.rows);
  const auto loss = [&](const std::vector<double>& moved_x, const std::vector<double>& w1, const std::vector<double>& w2) {
    double sum = 0;
    for (int64_t r = 0; r < net.rows; ++r) {
      std::vector<double> h(static_cast<size_t>(net.inner));
      for (int64_t i = 0; i < net.inner; ++i) {
        const size_t at = size_t(r * net.inner + i);
        h[size_t(i)] = double(hidden_rounded[at]) - hidden[at];
        for (int64_t c = 0; c < net.width; ++c) h[size_t(i)] += moved_x[size_t(r * net.width + c)] * w1[size_t(i * net.width + c)];
      }
      for (int64_t o = 0; o < net.out; ++o) {
        double y = -double(target[size_t(r * net.out + o)]);
        for (int64_t i = 0; i < net.inner; ++i) y += h[size_t(i)] * w2[size_t(o * net.inner + i)];
        sum += y * y / double(net.rows * net.out);
      }
    }
    return sum;
  };
  std::vector<double> at_x(x_rounded.begin(), x_rounded.end()), at_1(net.w1.begin(), net.w1.end()), at_2(net.w2.begin(), net.w2.end());
  const auto differences = [&](std::vector<double>& at) {
    std::vector<double> out;
    for (double& value : at) {
      const double before = value;
      value = before + 1e-5;
      const double above = loss(at_x, at_1, at_2);
      value = before - 1e-5;
      out.push_back((above - loss(at_x, at_1, at_2)) / 2e-5);
      value = before;
    }
    return out;
  };
  const std::vector<double> by_x = differences(at_x), by_1 = differences(at_1), by_2 = differences(at_2);
  every_level([&](qw_simd level) {
    qw_tape* tape = nullptr;
    CHECK_OK(qw_tape_create(&spec, &tape));
    std::vector<float> input(x.size()), first(net.w1.size()), second(net.w2.size());
    float* places[] = {first.data(), second.data()};
    const qw_sequences sequences{x.data(), net.lengths.data(), 1};
    double measured = 0, alone = 0;
    CHECK_OK(qw_tape_squared_error(tape, &sequences, target.data(), &measured, input.data(), places, qw_pool_shared()));
    CHECK_OK(qw_tape_squared_loss(tape, &sequences, target.data(), &alone, qw_pool_shared()));
    CHECK(measured == alone && std::fabs(measured - loss(at_x, at_1, at_2)) < 1e-4 * measured);
    std::printf("  %s loss %.7f\n", qw_simd_name(level), measured);
    CHECK(compare(input.data(), by_x.data(), input.size()).normalised() < 3e-5);
    CHECK(compare(first.data(), by_1.data(), first.size()).normalised() < 3e-5);
    CHECK(compare(second.data(), by_2.data(), second.size()).normalised() < 3e-5);
    qw_tape_free(tape);
  });
}

qw_rtn_options four_bits(int64_t group_size) {
  qw_rtn_options options{};
  options.dialect = QW_RTN_QLLM, options.bits = 4, options.symmetric = 1, options.group_size = group_size;
  return options;
}

// Every step of the trainer from the parameters that it had, in f64: the gradient at the rounded matrix, then AdamW.
void steps_are_those_of_adamw() {
  Random random(3);
  const int64_t rows = 6, width = 10, outputs = 4;
  const std::vector<float> stored = random.vector(size_t(outputs * width)), stored_bias = random.vector(size_t(outputs));
  std::vector<float> matrix = stored, bias = stored_bias;
  const qw_dense dense{QW_F32, outputs, width, stored.data()};
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_dense(&dense, &weight));
  qw_op op{};
  op.kind = QW_OP_LINEAR, op.out = 1, op.weight = weight, op.vector = stored_bias.data(), op.vector_length = outputs;
  const int64_t widths[] = {width, outputs};
  const qw_program_spec program{QW_INPUT_HIDDEN, widths, 2, &op, 1, nullptr, 0, 1};
  // Flat parts of 5 elements, half a row each.
  const qw_rtn_options rounding = four_bits(-1);
  const qw_trained trained[] = {{0, QW_GRADIENT_MATRIX, matrix.data(), 1, &rounding, 8}, {0, QW_GRADIENT_VECTOR, bias.data(), 0, nullptr, 0}};
  const qw_rounded_input inputs{0, token(QW_ACTIVATION_ZEROQUANT, 8)};
  const qw_adamw adamw{0.05f, 0.9f, 0.999f, 1e-8f, 0.1f};
  const qw_trainer_spec spec{&program, trained, 2, &inputs, 1, adamw};
  qw_trainer* trainer = nullptr;
  CHECK_OK(qw_trainer_create(&spec, &trainer));
  CHECK(qw_trainer_bytes(trainer, 2) > (4 * matrix.size() + 3 * bias.size()) * 4);
  std::vector<double> mean(matrix.size() + bias.size()), square(mean.size());
  const int64_t lengths[] = {4, 2};
  for (int step = 1; step <= 5; ++step) {
    const std::vector<float> x = random.vector(size_t(rows * width)), target = random.vector(size_t(rows * outputs)), read = rounded(inputs.inputs, x, rows);
    std::vector<float> rounded_matrix(matrix.size());
    CHECK_OK(qw_rtn_values(matrix.data(), 8, 5, nullptr, &rounding, rounded_matrix.data(), qw_pool_shared()));
    const std::vector<float> before_matrix = matrix, before_bias = bias;
    std::vector<double> y = product(read, rounded_matrix, rows, width, outputs), gradient(mean.size());
    double loss = 0;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t o = 0; o < outputs; ++o) {
        const double difference = y[size_t(r * outputs + o)] + double(bias[size_t(o)]) - double(target[size_t(r * outputs + o)]);
        loss += difference * difference / double(rows * outputs);
        const double dy = 2 * difference / double(rows * outputs);
        for (int64_t c = 0; c < width; ++c) gradient[size_t(o * width + c)] += dy * double(read[size_t(r * width + c)]);
        gradient[matrix.size() + size_t(o)] += dy;
      }
    }
    const qw_sequences sequences{x.data(), lengths, 2};
    double measured = 0, after = 0;
    CHECK_OK(qw_trainer_step(trainer, &sequences, target.data(), &measured, qw_pool_shared()));
    CHECK(std::fabs(measured - loss) < 1e-5 * loss);
    for (size_t i = 0; i < mean.size(); ++i) {
      const bool of_matrix = i < matrix.size();
      const double p = double(of_matrix ? before_matrix[i] : before_bias[i - matrix.size()]);
      mean[i] = 0.9 * mean[i] + 0.1 * gradient[i];
      square[i] = 0.999 * square[i] + 0.001 * gradient[i] * gradient[i];
      const double m = mean[i] / (1 - std::pow(0.9, step)), v = square[i] / (1 - std::pow(0.999, step));
      const double wanted = p * (of_matrix ? 1 - 0.05 * 0.1 : 1) - 0.05 * m / (std::sqrt(v) + 1e-8);
      CHECK(std::fabs(double(of_matrix ? matrix[i] : bias[i - matrix.size()]) - wanted) < 2e-5);
    }
    // The loss alone changes nothing.
    const std::vector<float> kept = matrix;
    CHECK_OK(qw_trainer_loss(trainer, &sequences, target.data(), &after, qw_pool_shared()));
    CHECK(kept == matrix);
  }
  qw_trainer_free(trainer);
  qw_weight_free(weight);
}

// A net of 4-bit weights and 4-bit inputs learns what the same net in f32 gives.
void the_loss_falls() {
  Random random(4);
  TwoLinears net(random, 64, 24, 32, 16);
  const std::vector<float> x = random.vector(size_t(net.rows * net.width));
  const std::vector<double> hidden = product(x, net.w1, net.rows, net.width, net.inner);
  const std::vector<double> teacher = product({hidden.begin(), hidden.end()}, net.w2, net.rows, net.inner, net.out);
  const std::vector<float> target(teacher.begin(), teacher.end());
  std::vector<float> w1 = net.w1, w2 = net.w2;
  const qw_rtn_options rounding = four_bits(-1);
  const qw_trained trained[] = {{0, QW_GRADIENT_MATRIX, w1.data(), 1, &rounding, net.inner}, {1, QW_GRADIENT_MATRIX, w2.data(), 1, &rounding, net.out}};
  const qw_rounded_input inputs[] = {{0, token(QW_ACTIVATION_ZEROQUANT, 8)}, {1, token(QW_ACTIVATION_ZEROQUANT, 8)}};
  const qw_program_spec program = net.program();
  const qw_trainer_spec spec{&program, trained, 2, inputs, 2, {1e-3f, 0.9f, 0.999f, 1e-8f, 1e-5f}};
  qw_trainer* trainer = nullptr;
  CHECK_OK(qw_trainer_create(&spec, &trainer));
  const qw_sequences sequences{x.data(), net.lengths.data(), 1};
  double first = 0, loss = 0, last = 0;
  CHECK_OK(qw_trainer_loss(trainer, &sequences, target.data(), &first, qw_pool_shared()));
  for (int step = 0; step < 200; ++step) CHECK_OK(qw_trainer_step(trainer, &sequences, target.data(), &loss, qw_pool_shared()));
  CHECK_OK(qw_trainer_loss(trainer, &sequences, target.data(), &last, qw_pool_shared()));
  std::printf("  4-bit weights, 8-bit inputs: loss %.5f -> %.5f\n", first, last);
  CHECK(first > 0 && last < 0.9 * first);
  // Without a finite loss nothing is updated.
  const std::vector<float> kept = w1, infinite(target.size(), INFINITY);
  CHECK_OK(qw_trainer_step(trainer, &sequences, infinite.data(), &loss, qw_pool_shared()));
  CHECK(!std::isfinite(loss) && kept == w1);
  qw_trainer_free(trainer);
}

void what_cannot_be_trained_is_refused() {
  Random random(5);
  TwoLinears net(random, 2, 8, 8, 8);
  const qw_program_spec program = net.program();
  const qw_rtn_options rounding = four_bits(-1);
  qw_trainer* trainer = nullptr;
  const auto create = [&](const qw_trained& trained, const qw_activations& inputs, float rate) {
    const qw_rounded_input rounds{0, inputs};
    const qw_trainer_spec spec{&program, &trained, 1, &rounds, 1, {rate, 0.9f, 0.999f, 1e-8f, 0}};
    return qw_trainer_create(&spec, &trainer);
  };
  std::vector<float> w = net.w1;
  const qw_activations fine = token(QW_ACTIVATION_ZEROQUANT, 8);
  CHECK_FAILS(create({0, QW_GRADIENT_MATRIX, w.data(), 1, &rounding, 7}, fine, 0.1f), QW_INVALID_ARGUMENT, "64 elements cannot be rounded as 7 lines");
  CHECK_FAILS(create({0, QW_GRADIENT_COLUMNS, w.data(), 1, nullptr, 0}, fine, 0.1f), QW_INVALID_ARGUMENT, "matrices and vectors are trained");
  CHECK_FAILS(create({0, QW_GRADIENT_VECTOR, w.data(), 1, nullptr, 0}, fine, 0.1f), QW_INVALID_ARGUMENT, "body[0] linear: ");
  CHECK_FAILS(create({5, QW_GRADIENT_MATRIX, w.data(), 1, nullptr, 0}, fine, 0.1f), QW_INVALID_ARGUMENT, "no op 5");
  CHECK_FAILS(create({0, QW_GRADIENT_MATRIX, w.data(), 1, nullptr, 0}, fine, -1.0f), QW_INVALID_ARGUMENT, "learning rate");
  qw_activations razored = fine;
  razored.kind = QW_ACTIVATION_RAZORED;
  CHECK_FAILS(create({0, QW_GRADIENT_MATRIX, w.data(), 1, nullptr, 0}, razored, 0.1f), QW_UNSUPPORTED, "body[0] linear: only activations with one scale");
}

}  // namespace

int main() {
  inputs_round_as_the_rules_say();
  gradients_pass_the_rounding_of_inputs();
  steps_are_those_of_adamw();
  the_loss_falls();
  what_cannot_be_trained_is_refused();
  return finish("program_backward_trainer");
}
