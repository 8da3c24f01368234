// The backward run of a tape: the ops in reverse, each adding to the gradients of what it read.
#include <algorithm>
#include <cstring>

#include "add/add.h"
#include "cpu/parallel.h"
#include "cpu/pick.h"
#include "linear/dense/codec.h"
#include "program/backward/attention.h"
#include "program/backward/inputs.h"
#include "program/backward/products.h"
#include "program/backward/rows.h"
#include "program/backward/tape.h"
#include "rope/rope.h"

namespace {

using qw::TapeOp;

// Rows of a partial sum of a norm's gradient. Partial sums are added in order: the result does not depend on the number of threads.
constexpr int64_t kPartRows = 64;
constexpr int64_t kElementsPerChunk = 16384;

struct Reverse {
  qw_tape& tape;
  float* const* wanted;
  qw_pool* pool;
  qw::Pages gradients;
  std::vector<bool> begun;
  const qw::BackwardRows& rows = qw::backward_rows_in_force();
  qw::Rotations rotations;

  Reverse(qw_tape& t, float* const* w, qw_pool* p) : tape(t), wanted(w), pool(p), gradients(t.gradient_width * t.rows), begun(t.widths.size(), false), rotations(t, -1.0f, p) {
    if (gradients.data() == nullptr) throw std::bad_alloc();
  }

  int64_t width(int32_t version) const { return tape.widths[size_t(version)]; }
  bool has(int32_t version) const { return tape.gradients[size_t(version)] >= 0; }
  float* place(int32_t version) const { return gradients.data() + tape.gradients[size_t(version)] * tape.rows; }

  // To be added to; NULL when no gradient of the version is wanted.
  float* sum(int32_t version) {
    if (!has(version)) return nullptr;
    if (!begun[size_t(version)]) std::memset(place(version), 0, size_t(tape.rows * width(version)) * sizeof(float));
    begun[size_t(version)] = true;
    return place(version);
  }
  // Where nobody wants it, a kernel that writes it anyway has somewhere to.
  float* sum_or_scratch(int32_t version, float* scratch) {
    float* to = sum(version);
    return to != nullptr ? to : scratch;
  }

  void add(int32_t version, const float* dy) {
    if (!has(version)) return;
    const int64_t count = tape.rows * width(version);
    if (begun[size_t(version)]) {
      qw_add(place(version), dy, place(version), count, pool);
    } else {
      std::memcpy(place(version), dy, size_t(count) * sizeof(float));
      begun[size_t(version)] = true;
    }
  }

  void norm(const TapeOp& op, const float* dy) {
    const bool layer = op.spec.kind == QW_OP_LAYERNORM;
    const int64_t of_row = layer ? width(op.spec.out) : op.spec.vector_length, lines = tape.rows * width(op.spec.out) / of_row;
    const int64_t parts = (lines + kPartRows - 1) / kPartRows, of_part = layer ? 2 * of_row : of_row;
    const int64_t index = op.wanted[QW_GRADIENT_VECTOR];
    float* scratch = qw::kernel_scratch(tape, parts * of_part + (has(op.spec.in[0]) ? 0 : tape.rows * width(op.spec.out)));
    float* dx = sum_or_scratch(op.spec.in[0], scratch + parts * of_part);
    const float* x = tape.value(op.spec.in[0]);
    qw::parallel(pool, parts, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t part = begin; part < end; ++part) {
        float* dweight = scratch + part * of_part;
        std::memset(dweight, 0, size_t(of_part) * sizeof(float));
        for (int64_t r = part * kPartRows; r < std::min(lines, (part + 1) * kPartRows); ++r) {
          const int64_t at = r * of_row;
          if (layer) {
            rows.layernorm(x + at, dy + at, of_row, op.vector, op.spec.number, dx + at, dweight, dweight + of_row);
          } else {
            rows.rmsnorm(x + at, dy + at, of_row, op.vector, op.spec.number, dx + at, dweight);
          }
        }
      }
    });
    if (index < 0) return;
    for (int64_t part = 0; part < parts; ++part) {
      for (int64_t i = 0; i < of_part; ++i) wanted[index][i] += scratch[part * of_part + i];
    }
  }

  // f32 [rows, cols] of a linear: where it lies, or made into `scratch`.
  const float* matrix_of(const TapeOp& op, float* scratch) {
    const qw_weight* weight = op.spec.weight;
    if (op.matrix != nullptr) return op.matrix;
    if (in_f32(op)) return static_cast<const float*>(reinterpret_cast<const qw_dense_weight*>(weight)->data);
    qw::parallel(pool, weight->rows, std::max<int64_t>(1, kElementsPerChunk / weight->cols), [=](int64_t begin, int64_t end, int) {
      weight->codec->dequantize(weight, begin, end - begin, scratch + begin * weight->cols);
    });
    return scratch;
  }
  static bool in_f32(const TapeOp& op) {
    if (op.matrix != nullptr) return true;
    if (op.spec.weight->codec != &qw_codec_dense) return false;
    const auto* dense = reinterpret_cast<const qw_dense_weight*>(op.spec.weight);
    return dense->type == QW_F32 && reinterpret_cast<uintptr_t>(dense->data) % sizeof(float) == 0;
  }

  // sums [count] += every row of x [rows, count].
  void sum_rows(const float* x, int64_t count, float* sums) {
    const int64_t m = tape.rows;
    qw::parallel(pool, (count + 255) / 256, 1, [=](int64_t begin, int64_t end, int) {
      const int64_t first = begin * 256, last = std::min(count, end * 256);
      for (int64_t t = 0; t < m; ++t) {
        for (int64_t i = first; i < last; ++i) sums[i] += x[t * count + i];
      }
    });
  }

  void linear(const TapeOp& op, const float* dy) {
    const int64_t rows_of = op.spec.weight->rows, cols = op.spec.weight->cols, m = tape.rows;
    const int32_t input = op.spec.in[0];
    const int64_t matrix = op.wanted[QW_GRADIENT_MATRIX], columns = op.wanted[QW_GRADIENT_COLUMNS];
    const int64_t products = std::max(qw::product_scratch(m, rows_of), qw::product_scratch(rows_of, m)) + 16;
    const int64_t made = in_f32(op) || !has(input) ? 0 : rows_of * cols;
    const int64_t other = std::max(m * cols, matrix >= 0 ? rows_of * (m + cols) : 0);  // a product that is added to something, and dy turned round
    const bool rounds = op.rounds_inputs && (matrix >= 0 || columns >= 0);
    float* scratch = qw::kernel_scratch(tape, products + made + other + (rounds ? m * cols : 0) + 16);
    float *weight_place = scratch + products, *rest = weight_place + made;
    if (has(input)) {
      const float* w = matrix_of(op, weight_place);
      if (begun[size_t(input)]) {
        qw::product(dy, m, rows_of, w, cols, rest, scratch, pool);
        add(input, rest);
      } else {
        qw::product(dy, m, rows_of, w, cols, place(input), scratch, pool);
        begun[size_t(input)] = true;
      }
    }
    const float* x = tape.value(input);
    if (rounds) {
      qw::rounded_inputs(op.inputs, x, m, cols, rest + other, pool);
      x = rest + other;
    }
    const int64_t bias = op.wanted[QW_GRADIENT_VECTOR];
    if (bias >= 0) sum_rows(dy, rows_of, wanted[bias]);
    if (columns >= 0) {
      qw::product(dy, m, rows_of, tape.wanted[size_t(columns)].against, cols, rest, scratch, pool);
      float* sums = wanted[columns];
      qw::parallel(pool, (cols + 255) / 256, 1, [=](int64_t begin, int64_t end, int) {
        const int64_t first = begin * 256, count = std::min(cols, end * 256) - first;
        for (int64_t t = 0; t < m; ++t) rows.multiply_add(x + t * cols + first, rest + t * cols + first, count, sums + first);
      });
    }
    if (matrix >= 0) {
      float* turned = rest + rows_of * cols;
      qw::transpose(dy, m, rows_of, turned, pool);
      qw::product(turned, rows_of, m, x, cols, rest, scratch, pool);
      qw_add(wanted[matrix], rest, wanted[matrix], rows_of * cols, pool);
    }
  }

  void attention(const TapeOp& op, const float* dy) {
    const qw_op& spec = op.spec;
    const int64_t q_width = spec.heads * spec.head_dim, kv_width = spec.kv_heads * spec.head_dim;
    const int64_t longest = *std::max_element(tape.lengths.begin(), tape.lengths.end());
    qw::AttentionGradient job{longest, spec.heads, spec.kv_heads, spec.head_dim, spec.number, spec.window, spec.softcap,
                              tape.value(spec.in[0]), tape.value(spec.in[1]), tape.value(spec.in[2]), dy, nullptr, nullptr, nullptr};
    const int64_t own = qw::attention_gradient_scratch(job, qw_pool_threads(pool));
    const bool apart = !has(spec.in[0]) || !has(spec.in[1]) || !has(spec.in[2]);
    float* scratch = qw::kernel_scratch(tape, own + (apart ? tape.rows * (q_width + 2 * kv_width) : 0));
    float* spare = scratch + own;
    job.dq = sum_or_scratch(spec.in[0], spare);
    job.dk = sum_or_scratch(spec.in[1], spare + tape.rows * q_width);
    job.dv = sum_or_scratch(spec.in[2], spare + tape.rows * (q_width + kv_width));
    for (int64_t length : tape.lengths) {
      job.rows = length;
      qw::attention_gradient(job, scratch, pool);
      job.q += length * q_width, job.dout += length * q_width, job.dq += length * q_width;
      job.k += length * kv_width, job.v += length * kv_width, job.dk += length * kv_width, job.dv += length * kv_width;
    }
  }

  void elementwise(const TapeOp& op, const float* dy) {
    const bool gated = qw::input_count(op.spec) > 1;
    const int64_t count = tape.rows * width(op.spec.out);
    const bool spare = !has(op.spec.in[0]) || (gated && !has(op.spec.in[1]));
    float* scratch = spare ? qw::kernel_scratch(tape, 2 * count) : nullptr;
    float* dx = sum_or_scratch(op.spec.in[0], scratch);
    float* dup = gated ? sum_or_scratch(op.spec.in[1], scratch + count) : nullptr;
    const float *x = tape.value(op.spec.in[0]), *up = gated ? tape.value(op.spec.in[1]) : nullptr;
    qw::parallel(pool, (count + kElementsPerChunk - 1) / kElementsPerChunk, 1, [&](int64_t begin, int64_t end, int) {
      const int64_t at = begin * kElementsPerChunk, n = std::min(count, end * kElementsPerChunk) - at;
      if (op.spec.kind == QW_OP_SILU_MUL) {
        rows.silu_mul(x + at, up + at, dy + at, n, dx + at, dup + at);
      } else {
        rows.activate(op.spec.activation, x + at, gated ? up + at : nullptr, op.spec.number, dy + at, n, dx + at, gated ? dup + at : nullptr);
      }
    });
  }

  void slice(const TapeOp& op, const float* dy) {
    float* dx = sum(op.spec.in[0]);
    const int64_t parts = op.spec.heads, from_width = width(op.spec.in[0]), to_width = width(op.spec.out), part = to_width / parts;
    for (int64_t r = 0; r < tape.rows; ++r) {
      for (int64_t p = 0; p < parts; ++p) {
        float* to = dx + r * from_width + op.spec.offset + p * op.spec.window;
        for (int64_t i = 0; i < part; ++i) to[i] += dy[r * to_width + p * part + i];
      }
    }
  }

  void rope(const TapeOp& op, const float* dy) {
    float* turned = qw::kernel_scratch(tape, tape.rows * width(op.spec.out));
    std::memcpy(turned, dy, size_t(tape.rows * width(op.spec.out)) * sizeof(float));
    qw_rope(turned, tape.rows, op.spec.heads, op.spec.head_dim, op.spec.vector_length, rotations.table(op), pool);
    add(op.spec.in[0], turned);
  }

  void run(const TapeOp& op) {
    if (op.spec.kind == QW_OP_OBSERVE || op.spec.kind == QW_OP_EMBED || !has(op.spec.out) || !begun[size_t(op.spec.out)]) return;
    const float* dy = place(op.spec.out);
    switch (op.spec.kind) {
      case QW_OP_RMSNORM:
      case QW_OP_LAYERNORM: return norm(op, dy);
      case QW_OP_LINEAR: return linear(op, dy);
      case QW_OP_ROPE: return rope(op, dy);
      case QW_OP_ATTENTION: return attention(op, dy);
      case QW_OP_SILU_MUL:
      case QW_OP_ACTIVATE: return elementwise(op, dy);
      case QW_OP_ADD: add(op.spec.in[0], dy), add(op.spec.in[1], dy); return;
      case QW_OP_POSITION: return add(op.spec.in[0], dy);
      default: return slice(op, dy);
    }
  }
};

}  // namespace

const qw::BackwardRows& qw::backward_rows_in_force() {
  static constexpr qw::Version<const BackwardRows> kVersions[] = {
      {QW_SIMD_SERIAL, &backward_rows_serial},
      QW_X86({QW_SIMD_AVX2, &backward_rows_avx2}, {QW_SIMD_AVX512, &backward_rows_avx512})
      QW_ARM({QW_SIMD_NEON, &backward_rows_neon})
  };
  return *best_version(kVersions);
}

void qw::tape_backward(qw_tape& tape, const float* gradient, float* input, float* const* wanted, qw_pool* pool) {
  Reverse reverse(tape, wanted, pool);
  reverse.add(tape.output, gradient);
  for (auto op = tape.ops.rbegin(); op != tape.ops.rend(); ++op) reverse.run(*op);
  if (input == nullptr) return;
  const float* given = reverse.sum(0);
  std::memcpy(input, given, size_t(tape.rows * tape.widths[0]) * sizeof(float));
}
