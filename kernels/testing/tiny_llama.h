// A random two-layer Llama for tests: the program over f32 weights, and the same forward pass written plainly in f64 from the formulas.
#pragma once
#include <cmath>
#include <vector>

#include "program/program.h"
#include "testing/check.h"

namespace qw_test {

struct TinyLlama {
  int64_t vocabulary = 50, hidden = 32, heads = 4, kv_heads = 2, head_dim = 8, inner = 44, layers = 2;
  float eps = 1e-5f, scale = 0.35f;
  struct Layer {
    std::vector<float> norm1, q, q_bias, k, v, o, norm2, gate, up, down;
  };
  std::vector<float> table, norm, inverse_frequency;
  std::vector<Layer> layer;
  std::vector<qw_weight*> weights;
  std::vector<int64_t> widths;
  std::vector<qw_op> body, head;

  enum Value { X, N, Q, K, V, A, T, G, U, L, VALUES };

  TinyLlama() {
    Random random(1234);
    table = random.vector(size_t(vocabulary * hidden), 0.7f);
    norm = random.vector(size_t(hidden));
    for (int64_t i = 0; i < head_dim / 2; ++i) inverse_frequency.push_back(float(std::pow(100.0, -2.0 * double(i) / double(head_dim))));
    const int64_t qw = heads * head_dim, kw = kv_heads * head_dim;
    for (int64_t i = 0; i < layers; ++i) {
      const auto matrix = [&](int64_t rows, int64_t cols) { return random.vector(size_t(rows * cols), 1.0f / std::sqrt(float(cols))); };
      layer.push_back({random.vector(size_t(hidden)), matrix(qw, hidden), random.vector(size_t(qw), 0.1f), matrix(kw, hidden), matrix(kw, hidden),
                       matrix(hidden, qw), random.vector(size_t(hidden)), matrix(inner, hidden), matrix(inner, hidden), matrix(hidden, inner)});
    }
    widths = {hidden, hidden, qw, kw, kw, qw, hidden, inner, inner, vocabulary};
    build();
  }
  ~TinyLlama() {
    for (qw_weight* weight : weights) qw_weight_free(weight);
  }

  qw_program_spec spec() const {
    return {QW_INPUT_TOKENS, widths.data(), VALUES, body.data(), int64_t(body.size()), head.data(), int64_t(head.size()), L};
  }

  // Logits [tokens, vocabulary] of a sequence from its beginning.
  std::vector<double> reference(const std::vector<int32_t>& tokens) const {
    const int64_t n = int64_t(tokens.size()), qw = heads * head_dim, kw = kv_heads * head_dim;
    std::vector<double> x(size_t(n * hidden));
    for (int64_t t = 0; t < n; ++t) {
      for (int64_t i = 0; i < hidden; ++i) x[size_t(t * hidden + i)] = double(table[size_t(tokens[size_t(t)] * hidden + i)]);
    }
    for (const Layer& l : layer) {
      const std::vector<double> a = normalise(x, l.norm1);
      std::vector<double> q = product(a, l.q, qw), k = product(a, l.k, kw);
      const std::vector<double> v = product(a, l.v, kw);
      for (size_t i = 0; i < q.size(); ++i) q[i] += double(l.q_bias[i % size_t(qw)]);
      rotate(q, heads);
      rotate(k, kv_heads);
      add(x, product(attend(q, k, v, n), l.o, hidden));
      const std::vector<double> b = normalise(x, l.norm2), gate = product(b, l.gate, inner);
      std::vector<double> up = product(b, l.up, inner);
      for (size_t i = 0; i < up.size(); ++i) up[i] *= gate[i] / (1.0 + std::exp(-gate[i]));
      add(x, product(up, l.down, hidden));
    }
    return product(normalise(x, norm), table, vocabulary);
  }

 private:
  qw_weight* weight(const std::vector<float>& data, int64_t rows, int64_t cols) {
    const qw_dense dense{QW_F32, rows, cols, data.data()};
    qw_weight* made = nullptr;
    CHECK_OK(qw_weight_dense(&dense, &made));
    weights.push_back(made);
    return made;
  }

  static qw_op op(qw_op_kind kind, int32_t a, int32_t b, int32_t c, int32_t out) {
    qw_op made{};
    made.kind = kind;
    made.in[0] = a, made.in[1] = b, made.in[2] = c, made.out = out;
    return made;
  }
  static qw_op with(qw_op made, const std::vector<float>& vector, float number) {
    made.vector = vector.data(), made.vector_length = int64_t(vector.size()), made.number = number;
    return made;
  }
  qw_op linear(int32_t in, const std::vector<float>& data, int32_t out) {
    qw_op made = op(QW_OP_LINEAR, in, 0, 0, out);
    made.weight = weight(data, widths[size_t(out)], widths[size_t(in)]);
    return made;
  }
  qw_op rope(int32_t value, int64_t count) {
    qw_op made = with(op(QW_OP_ROPE, value, 0, 0, value), inverse_frequency, 1.0f);
    made.heads = count, made.head_dim = head_dim;
    return made;
  }

  void build() {
    qw_op embed = op(QW_OP_EMBED, 0, 0, 0, X);
    embed.weight = weight(table, vocabulary, hidden);
    body.push_back(embed);
    for (int64_t i = 0; i < layers; ++i) {
      const Layer& l = layer[size_t(i)];
      body.push_back(with(op(QW_OP_RMSNORM, X, 0, 0, N), l.norm1, eps));
      body.push_back(with(linear(N, l.q, Q), l.q_bias, 0));
      body.push_back(linear(N, l.k, K));
      body.push_back(linear(N, l.v, V));
      body.push_back(rope(Q, heads));
      body.push_back(rope(K, kv_heads));
      qw_op attention = op(QW_OP_ATTENTION, Q, K, V, A);
      attention.layer = i, attention.heads = heads, attention.kv_heads = kv_heads, attention.head_dim = head_dim, attention.number = scale;
      body.push_back(attention);
      body.push_back(linear(A, l.o, T));
      body.push_back(op(QW_OP_ADD, X, T, 0, X));
      body.push_back(with(op(QW_OP_RMSNORM, X, 0, 0, N), l.norm2, eps));
      body.push_back(linear(N, l.gate, G));
      body.push_back(linear(N, l.up, U));
      body.push_back(op(QW_OP_SILU_MUL, G, U, 0, G));
      body.push_back(linear(G, l.down, T));
      body.push_back(op(QW_OP_ADD, X, T, 0, X));
    }
    head.push_back(with(op(QW_OP_RMSNORM, X, 0, 0, N), norm, eps));
    qw_op logits = op(QW_OP_LINEAR, N, 0, 0, L);
    logits.weight = weights[0];  // tied
    head.push_back(logits);
  }

  static void add(std::vector<double>& x, const std::vector<double>& y) {
    for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }
  std::vector<double> normalise(const std::vector<double>& x, const std::vector<float>& w) const {
    std::vector<double> out(x.size());
    for (size_t row = 0; row < x.size(); row += size_t(hidden)) {
      double squares = 0;
      for (size_t i = 0; i < size_t(hidden); ++i) squares += x[row + i] * x[row + i];
      for (size_t i = 0; i < size_t(hidden); ++i) out[row + i] = x[row + i] / std::sqrt(squares / double(hidden) + double(eps)) * double(w[i]);
    }
    return out;
  }
  static std::vector<double> product(const std::vector<double>& x, const std::vector<float>& w, int64_t rows) {
    const size_t cols = w.size() / size_t(rows), n = x.size() / cols;
    std::vector<double> y(n * size_t(rows));
    for (size_t t = 0; t < n; ++t) {
      for (size_t r = 0; r < size_t(rows); ++r) {
        for (size_t c = 0; c < cols; ++c) y[t * size_t(rows) + r] += x[t * cols + c] * double(w[r * cols + c]);
      }
    }
    return y;
  }
  void rotate(std::vector<double>& x, int64_t count) const {
    const size_t half = size_t(head_dim / 2), width = size_t(count * head_dim);
    for (size_t start = 0; start < x.size(); start += size_t(head_dim)) {
      for (size_t i = 0; i < half; ++i) {
        const double angle = double(start / width) * double(inverse_frequency[i]), a = x[start + i], b = x[start + i + half];
        x[start + i] = a * std::cos(angle) - b * std::sin(angle);
        x[start + i + half] = b * std::cos(angle) + a * std::sin(angle);
      }
    }
  }
  std::vector<double> attend(const std::vector<double>& q, const std::vector<double>& k, const std::vector<double>& v, int64_t n) const {
    std::vector<double> out(q.size());
    for (int64_t t = 0; t < n; ++t) {
      for (int64_t h = 0; h < heads; ++h) {
        const size_t mine = size_t((t * heads + h) * head_dim);
        double total = 0;
        for (int64_t j = 0; j <= t; ++j) {
          const size_t theirs = size_t((j * kv_heads + h * kv_heads / heads) * head_dim);
          double s = 0;
          for (size_t d = 0; d < size_t(head_dim); ++d) s += q[mine + d] * k[theirs + d];
          const double weight = std::exp(s * double(scale));
          total += weight;
          for (size_t d = 0; d < size_t(head_dim); ++d) out[mine + d] += weight * v[theirs + d];
        }
        for (size_t d = 0; d < size_t(head_dim); ++d) out[mine + d] /= total;
      }
    }
    return out;
  }
};

}  // namespace qw_test
