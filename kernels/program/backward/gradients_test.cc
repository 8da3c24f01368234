// Every operation's gradient, through a tape of that one operation, against central differences of the operation written in f64; every level against serial.
#include <cmath>
#include <functional>
#include <string>

#include "program/backward/backward.h"
#include "testing/check.h"

using namespace qw_test;
using Values = std::vector<double>;

namespace {

// A program over one hidden value of `width`, whose output has `out` columns.
struct OneOp {
  std::string name;
  int64_t rows, width, out;
  std::vector<int64_t> lengths;
  std::vector<int64_t> widths;  // of all values
  std::vector<qw_op> body;
  int32_t output;
  std::vector<qw_wanted> wanted;
  std::vector<std::vector<float>> parameters;  // what `wanted` are the gradients of, in that order
  std::function<Values(const Values& x, const std::vector<Values>& parameters)> forward;
};

struct Gradients {
  std::vector<float> output, input;
  std::vector<std::vector<float>> wanted;
};

Gradients run(const OneOp& op, const std::vector<float>& x, const std::vector<float>& dy) {
  const qw_program_spec program{QW_INPUT_HIDDEN, op.widths.data(), int64_t(op.widths.size()), op.body.data(), int64_t(op.body.size()), nullptr, 0, op.output};
  const qw_tape_spec spec{&program, nullptr, 0, op.wanted.data(), int64_t(op.wanted.size()), 1};
  qw_tape* tape = nullptr;
  CHECK_OK(qw_tape_create(&spec, &tape));
  Gradients got;
  if (tape == nullptr) return got;
  const qw_sequences sequences{x.data(), op.lengths.data(), int64_t(op.lengths.size())};
  got.output.resize(size_t(op.rows * op.out)), got.input.resize(x.size());
  std::vector<float*> places;
  for (int64_t i = 0; i < qw_tape_wanted_count(tape); ++i) got.wanted.emplace_back(size_t(qw_tape_wanted_size(tape, i)));
  for (auto& gradient : got.wanted) places.push_back(gradient.data());
  CHECK_OK(qw_tape_forward(tape, &sequences, 1, got.output.data(), qw_pool_shared()));
  CHECK_OK(qw_tape_backward(tape, dy.data(), got.input.data(), places.data(), qw_pool_shared()));
  CHECK_FAILS(qw_tape_backward(tape, dy.data(), got.input.data(), places.data(), qw_pool_shared()), QW_INVALID_ARGUMENT, "run forward with keep first");
  qw_tape_free(tape);
  return got;
}

Values widened(const std::vector<float>& x) { return Values(x.begin(), x.end()); }

double loss(const Values& y, const std::vector<float>& dy) {
  double sum = 0;
  for (size_t i = 0; i < y.size(); ++i) sum += y[i] * double(dy[i]);
  return sum;
}

// Central differences by every element of `at`, which `evaluate` reads.
Values differences(Values& at, const std::function<double()>& evaluate) {
  constexpr double h = 1e-5;
  Values out(at.size());
  for (size_t i = 0; i < at.size(); ++i) {
    const double before = at[i];
    at[i] = before + h;
    const double above = evaluate();
    at[i] = before - h;
    out[i] = (above - evaluate()) / (2 * h);
    at[i] = before;
  }
  return out;
}

void close(const std::string& name, qw_simd level, const std::vector<float>& got, const Values& wanted, double tolerance) {
  CHECK(got.size() == wanted.size());
  if (got.size() != wanted.size()) return;
  const Errors errors = compare(got.data(), wanted.data(), got.size());
  CHECK(errors.normalised() <= tolerance);
  if (errors.normalised() > tolerance) errors.print((name + " " + qw_simd_name(level)).c_str());
}

void agrees_with_differences(const OneOp& op, uint64_t stream) {
  Random random(stream);
  const std::vector<float> x = random.vector(size_t(op.rows * op.width)), dy = random.vector(size_t(op.rows * op.out));
  Values at = widened(x);
  std::vector<Values> parameters;
  for (const auto& parameter : op.parameters) parameters.push_back(widened(parameter));
  const auto evaluate = [&] { return loss(op.forward(at, parameters), dy); };
  const Values output = op.forward(at, parameters), input = differences(at, evaluate);
  std::vector<Values> wanted;
  for (Values& parameter : parameters) wanted.push_back(differences(parameter, evaluate));
  every_level([&](qw_simd level) {
    const Gradients got = run(op, x, dy);
    close(op.name + " output", level, got.output, output, 2e-6);
    close(op.name + " input", level, got.input, input, 1e-5);
    CHECK(got.wanted.size() == wanted.size());
    for (size_t i = 0; i < std::min(wanted.size(), got.wanted.size()); ++i) close(op.name + " parameter", level, got.wanted[i], wanted[i], 1e-5);
  });
}

qw_op made(qw_op_kind kind, int32_t a, int32_t b, int32_t c, int32_t out) {
  qw_op op{};
  op.kind = kind, op.in[0] = a, op.in[1] = b, op.in[2] = c, op.out = out;
  return op;
}
qw_op sliced(int32_t in, int64_t offset, int32_t out, int64_t parts = 1, int64_t stride = 0) {
  qw_op op = made(QW_OP_SLICE, in, 0, 0, out);
  op.offset = offset, op.heads = parts, op.window = stride;
  return op;
}

// Columns [begin, begin + count) of rows of `width`.
Values columns(const Values& x, int64_t width, int64_t begin, int64_t count) {
  Values out;
  for (size_t row = 0; row < x.size(); row += size_t(width)) out.insert(out.end(), x.begin() + int64_t(row) + begin, x.begin() + int64_t(row) + begin + count);
  return out;
}

void norms() {
  Random random(1);
  for (int64_t heads : {1, 3}) {
    const int64_t rows = 70, of_row = 11;  // more than a part of rows
    OneOp op{"rmsnorm", rows, heads * of_row, heads * of_row, {rows}, {heads * of_row}, {made(QW_OP_RMSNORM, 0, 0, 0, 0)}, 0, {{0, QW_GRADIENT_VECTOR, nullptr}}, {random.vector(size_t(of_row))}, {}};
    op.body[0].vector = op.parameters[0].data(), op.body[0].vector_length = of_row, op.body[0].number = 0.01f, op.body[0].heads = heads;
    op.forward = [=](const Values& x, const std::vector<Values>& p) {
      Values y(x.size());
      for (size_t r = 0; r < x.size(); r += size_t(of_row)) {
        double squares = 0;
        for (size_t i = 0; i < size_t(of_row); ++i) squares += x[r + i] * x[r + i];
        for (size_t i = 0; i < size_t(of_row); ++i) y[r + i] = x[r + i] / std::sqrt(squares / double(of_row) + double(0.01f)) * p[0][i];
      }
      return y;
    };
    agrees_with_differences(op, 2);
  }
  const int64_t width = 21;
  OneOp op{"layernorm", 5, width, width, {5}, {width}, {made(QW_OP_LAYERNORM, 0, 0, 0, 0)}, 0, {{0, QW_GRADIENT_VECTOR, nullptr}}, {random.vector(size_t(2 * width))}, {}};
  op.body[0].vector = op.parameters[0].data(), op.body[0].vector_length = 2 * width, op.body[0].number = 0.02f;
  op.forward = [=](const Values& x, const std::vector<Values>& p) {
    Values y(x.size());
    for (size_t r = 0; r < x.size(); r += size_t(width)) {
      double mean = 0, squares = 0;
      for (size_t i = 0; i < size_t(width); ++i) mean += x[r + i] / double(width);
      for (size_t i = 0; i < size_t(width); ++i) squares += (x[r + i] - mean) * (x[r + i] - mean);
      for (size_t i = 0; i < size_t(width); ++i) y[r + i] = (x[r + i] - mean) / std::sqrt(squares / double(width) + double(0.02f)) * p[0][i] + p[0][size_t(width) + i];
    }
    return y;
  };
  agrees_with_differences(op, 3);
}

void linears() {
  for (const auto& [rows, cols, tokens] : {std::tuple<int64_t, int64_t, int64_t>{7, 5, 3}, {40, 33, 19}}) {
    Random random{uint64_t(rows)};
    const std::vector<float> against = random.vector(size_t(rows * cols));
    std::vector<float> factor = random.vector(size_t(cols)), matrix(against.size());
    for (size_t i = 0; i < matrix.size(); ++i) matrix[i] = against[i] * factor[i % size_t(cols)];
    const std::vector<float> bias = random.vector(size_t(rows));
    const qw_dense dense{QW_F32, rows, cols, matrix.data()};
    qw_weight* weight = nullptr;
    CHECK_OK(qw_weight_dense(&dense, &weight));
    OneOp op{"linear", tokens, cols, rows, {tokens}, {cols, rows}, {made(QW_OP_LINEAR, 0, 0, 0, 1)}, 1, {{0, QW_GRADIENT_MATRIX, nullptr}}, {matrix}, {}};
    op.body[0].weight = weight, op.body[0].vector = bias.data(), op.body[0].vector_length = rows;
    const auto product = [rows = rows, cols = cols, bias](const Values& x, const std::function<double(size_t)>& w) {
      Values y;
      for (size_t t = 0; t < x.size(); t += size_t(cols)) {
        for (size_t r = 0; r < size_t(rows); ++r) {
          double sum = double(bias[r]);
          for (size_t c = 0; c < size_t(cols); ++c) sum += x[t + c] * w(r * size_t(cols) + c);
          y.push_back(sum);
        }
      }
      return y;
    };
    op.forward = [=](const Values& x, const std::vector<Values>& p) { return product(x, [&](size_t i) { return p[0][i]; }); };
    agrees_with_differences(op, 5);
    op.name = "linear by columns", op.wanted = {{0, QW_GRADIENT_COLUMNS, against.data()}}, op.parameters = {factor};
    op.forward = [=](const Values& x, const std::vector<Values>& p) { return product(x, [&](size_t i) { return double(against[i]) * p[0][i % p[0].size()]; }); };
    agrees_with_differences(op, 6);
    qw_weight_free(weight);
  }
}

void rotations() {
  const std::vector<float> frequency{1.0f, 0.1f, 0.013f};
  const int64_t heads = 2, dim = 8;
  OneOp op{"rope", 7, heads * dim, heads * dim, {4, 3}, {heads * dim}, {made(QW_OP_ROPE, 0, 0, 0, 0)}, 0, {}, {}, {}};
  op.body[0].heads = heads, op.body[0].head_dim = dim, op.body[0].number = 1.2f, op.body[0].vector = frequency.data(), op.body[0].vector_length = 3;
  op.forward = [=](const Values& x, const std::vector<Values>&) {
    Values y = x;
    for (size_t head = 0; head < x.size() / size_t(dim); ++head) {
      const size_t row = head / size_t(heads), position = row < 4 ? row : row - 4;
      for (size_t i = 0; i < 3; ++i) {
        const double angle = double(float(position) * frequency[i]), c = 1.2f * std::cos(angle), s = 1.2f * std::sin(angle);
        const double a = x[head * 8 + i], b = x[head * 8 + i + 3];
        y[head * 8 + i] = a * c - b * s, y[head * 8 + i + 3] = b * c + a * s;
      }
    }
    return y;
  };
  agrees_with_differences(op, 7);
}

OneOp attention(int64_t heads, int64_t kv_heads, int64_t dim, int64_t window, float cap, std::vector<int64_t> lengths) {
  int64_t rows = 0;
  for (int64_t length : lengths) rows += length;
  const int64_t q = heads * dim, kv = kv_heads * dim, width = q + 2 * kv;
  OneOp op{"attention", rows, width, q, lengths, {width, q, kv, kv, q}, {sliced(0, 0, 1), sliced(0, q, 2), sliced(0, q + kv, 3), made(QW_OP_ATTENTION, 1, 2, 3, 4)}, 4, {}, {}, {}};
  qw_op& attend = op.body[3];
  attend.heads = heads, attend.kv_heads = kv_heads, attend.head_dim = dim, attend.number = 0.4f, attend.window = window, attend.softcap = cap;
  op.forward = [=](const Values& x, const std::vector<Values>&) {
    Values y(size_t(rows * q));
    int64_t first = 0;
    for (int64_t length : lengths) {
      for (int64_t t = 0; t < length; ++t) {
        for (int64_t h = 0; h < heads; ++h) {
          const double* mine = x.data() + (first + t) * width + h * dim;
          double total = 0;
          for (int64_t j = window > 0 ? std::max<int64_t>(0, t + 1 - window) : 0; j <= t; ++j) {
            const double *k = x.data() + (first + j) * width + q + h * kv_heads / heads * dim, *v = k + kv;
            double s = 0;
            for (int64_t d = 0; d < dim; ++d) s += mine[d] * k[d];
            s *= double(0.4f);
            const double weight = std::exp(cap > 0 ? double(cap) * std::tanh(s / double(cap)) : s);
            total += weight;
            for (int64_t d = 0; d < dim; ++d) y[size_t((first + t) * q + h * dim + d)] += weight * v[d];
          }
          for (int64_t d = 0; d < dim; ++d) y[size_t((first + t) * q + h * dim + d)] /= total;
        }
      }
      first += length;
    }
    return y;
  };
  return op;
}

void elementwise() {
  const int64_t width = 37;
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  struct Kind {
    const char* name;
    int kind;  // -1: silu_mul
    std::function<double(double)> f;
  };
  const double c = std::sqrt(2 / std::acos(-1.0));
  for (const Kind& kind : {Kind{"silu_mul", -1, [=](double x) { return x * sigmoid(x); }}, Kind{"relu", QW_RELU, [](double x) { return x > 0 ? x : 0; }},
                           Kind{"gelu", QW_GELU, [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
                           Kind{"gelu_tanh", QW_GELU_TANH, [=](double x) { return x / 2 * (1 + std::tanh(c * (x + 0.044715 * x * x * x))); }},
                           Kind{"softcap", QW_SOFTCAP, [](double x) { return 1.5 * std::tanh(x / 1.5); }}, Kind{"scale", QW_SCALE, [](double x) { return 1.5 * x; }}}) {
    for (bool gated : {false, true}) {
      if (kind.kind < 0 && !gated) continue;
      OneOp op{kind.name, 3, 2 * width, width, {3}, {2 * width, width, width, width}, {sliced(0, 0, 1), sliced(0, width, 2), made(kind.kind < 0 ? QW_OP_SILU_MUL : QW_OP_ACTIVATE, 1, 2, 0, 3)}, 3, {}, {}, {}};
      op.body[2].activation = static_cast<qw_activation>(std::max(0, kind.kind)), op.body[2].gated = gated, op.body[2].number = 1.5f;
      op.forward = [=](const Values& x, const std::vector<Values>&) {
        Values y = columns(x, 2 * width, 0, width), up = columns(x, 2 * width, width, width);
        for (size_t i = 0; i < y.size(); ++i) y[i] = kind.f(y[i]) * (gated ? up[i] : 1);
        return y;
      };
      agrees_with_differences(op, 11);
    }
  }
}

void sums_and_parts() {
  // A value that is read three times, in place too, and parts that overlap.
  OneOp op{"add", 4, 12, 6, {4}, {12, 6, 6, 6}, {sliced(0, 1, 1, 3, 4), sliced(0, 5, 2), made(QW_OP_ADD, 1, 2, 0, 1), made(QW_OP_ADD, 1, 1, 0, 3), made(QW_OP_ADD, 3, 1, 0, 3)}, 3, {}, {}, {}};
  op.forward = [](const Values& x, const std::vector<Values>&) {
    Values y;
    for (size_t r = 0; r < x.size(); r += 12) {
      for (size_t i = 0; i < 6; ++i) y.push_back(3 * (x[r + 1 + i / 2 * 4 + i % 2] + x[r + 5 + i]));
    }
    return y;
  };
  agrees_with_differences(op, 13);
  Random random(14);
  const std::vector<float> table = random.vector(5 * 6);
  const qw_dense dense{QW_F32, 5, 6, table.data()};
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_dense(&dense, &weight));
  OneOp positioned{"position", 5, 6, 6, {3, 2}, {6}, {made(QW_OP_POSITION, 0, 0, 0, 0)}, 0, {}, {}, {}};
  positioned.body[0].weight = weight, positioned.body[0].offset = 2;
  positioned.forward = [&](const Values& x, const std::vector<Values>&) {
    Values y = x;
    for (size_t i = 0; i < y.size(); ++i) y[i] += double(table[((i / 6 < 3 ? i / 6 : i / 6 - 3) + 2) * 6 + i % 6]);
    return y;
  };
  agrees_with_differences(positioned, 15);
  qw_weight_free(weight);
}

// Sizes beyond a block of rows and a panel, where central differences would take too long.
void long_attention_agrees_with_serial(int64_t heads, int64_t kv_heads, int64_t dim, int64_t window, float cap, std::vector<int64_t> lengths) {
  const OneOp op = attention(heads, kv_heads, dim, window, cap, lengths);
  Random random{uint64_t(dim)};
  const std::vector<float> x = random.vector(size_t(op.rows * op.width)), dy = random.vector(size_t(op.rows * op.out));
  Gradients serial;
  every_level([&](qw_simd level) {
    const Gradients got = run(op, x, dy);
    if (level == QW_SIMD_SERIAL) serial = got;
    const Errors errors = compare(got.input.data(), serial.input.data(), got.input.size());
    errors.print((std::string("attention ") + qw_simd_name(level)).c_str());
    CHECK(errors.normalised() <= 2e-6);
  });
}

}  // namespace

int main() {
  norms();
  linears();
  rotations();
  agrees_with_differences(attention(4, 2, 6, 0, 0, {5, 1}), 8);
  agrees_with_differences(attention(2, 2, 4, 3, 0, {7}), 9);
  agrees_with_differences(attention(2, 1, 4, 0, 1.5f, {6}), 10);
  agrees_with_differences(attention(2, 1, 4, 2, 0.7f, {6, 4}), 12);
  elementwise();
  sums_and_parts();
  long_attention_agrees_with_serial(6, 2, 40, 0, 0, {150, 33});
  long_attention_agrees_with_serial(2, 2, 64, 50, 0, {200});
  long_attention_agrees_with_serial(3, 1, 8, 70, 5, {131});
  return finish("gradients");
}
