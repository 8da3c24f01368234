// The forward run of a tape: the kernels of a program's own run, over whole sequences, every version of a value kept.
#include <algorithm>
#include <cstring>

#include "add/add.h"
#include "attention/attention.h"
#include "cpu/parallel.h"
#include "layernorm/layernorm.h"
#include "program/backward/inputs.h"
#include "program/backward/tape.h"
#include "rmsnorm/rmsnorm.h"
#include "rope/rope.h"
#include "silu_mul/silu_mul.h"

namespace {

using qw::TapeOp;

qw_status check(qw_tape& tape, const qw_sequences& sequences) {
  tape.lengths.assign(sequences.lengths, sequences.lengths + sequences.count);
  int64_t rows = 0;
  for (int64_t length : tape.lengths) {
    if (length < 1) return qw_error(QW_INVALID_ARGUMENT, "A sequence needs at least one token.");
    if (length > tape.positions) {
      return qw_error(QW_INVALID_ARGUMENT, "A sequence of %lld tokens is longer than the %lld positions that the model has embeddings for.", (long long)length,
                      (long long)tape.positions);
    }
    rows += length;
  }
  if (rows < 1) return qw_error(QW_INVALID_ARGUMENT, "There is no sequence to run.");
  if (tape.input == QW_INPUT_TOKENS) {
    const int32_t* tokens = static_cast<const int32_t*>(sequences.input);
    tape.tokens.assign(tokens, tokens + rows);
    for (int64_t i = 0; i < rows; ++i) {
      if (tokens[i] < 0 || tokens[i] >= tape.vocabulary) {
        return qw_error(QW_INVALID_ARGUMENT, "Token %d at index %lld is outside the embedding table (0..%lld).", tokens[i], (long long)i,
                        (long long)tape.vocabulary - 1);
      }
    }
  }
  tape.rows = rows;
  return qw_ok();
}

void slice(const qw_tape& tape, const TapeOp& op) {
  const int64_t parts = op.spec.heads, width = tape.widths[size_t(op.spec.out)], part = width / parts, from_width = tape.widths[size_t(op.spec.in[0])];
  const float* in = tape.value(op.spec.in[0]) + op.spec.offset;
  float* out = tape.value(op.spec.out);
  for (int64_t r = 0; r < tape.rows; ++r) {
    for (int64_t p = 0; p < parts; ++p) std::memcpy(out + r * width + p * part, in + r * from_width + p * op.spec.window, size_t(part) * sizeof(float));
  }
}

void position(const qw_tape& tape, const TapeOp& op, qw_pool* pool) {
  const qw_weight* table = op.spec.weight;
  float* out = tape.value(op.spec.out);
  const float* in = tape.value(op.spec.in[0]);
  std::vector<float> line(size_t(table->cols));
  for (int64_t length : tape.lengths) {
    for (int64_t p = 0; p < length; ++p, in += table->cols, out += table->cols) {
      table->codec->dequantize(table, op.spec.offset + p, 1, line.data());
      qw_add(in, line.data(), out, table->cols, pool);
    }
  }
}

qw_status linear(qw_tape& tape, const TapeOp& op, qw_pool* pool) {
  const qw_weight* weight = op.spec.weight;
  qw_weight* own = nullptr;
  if (op.matrix != nullptr) {
    const qw_dense dense{QW_F32, weight->rows, weight->cols, op.matrix};
    const qw_status status = qw_weight_dense(&dense, &own);
    if (status.code != QW_OK) return status;
    weight = own;
  }
  const int64_t own_scratch = int64_t(weight->codec->scratch_bytes(weight, tape.rows) / sizeof(float)) + 16, count = tape.rows * weight->cols;
  float* scratch = qw::kernel_scratch(tape, own_scratch + (op.rounds_inputs ? count : 0));
  const float* x = tape.value(op.spec.in[0]);
  if (op.rounds_inputs) {
    qw::rounded_inputs(op.inputs, x, tape.rows, weight->cols, scratch + own_scratch, pool);
    x = scratch + own_scratch;
  }
  weight->codec->matmul(weight, x, weight->cols, tape.rows, op.vector, tape.value(op.spec.out), weight->rows, scratch, pool);
  if (own != nullptr) qw_weight_free(own);
  return qw_ok();
}

qw_status attention(qw_tape& tape, const TapeOp& op, qw_pool* pool) {
  const qw_op& spec = op.spec;
  const float *q = tape.value(spec.in[0]), *k = tape.value(spec.in[1]), *v = tape.value(spec.in[2]);
  float* out = tape.value(spec.out);
  const int64_t longest = *std::max_element(tape.lengths.begin(), tape.lengths.end());
  qw_cache cache;
  const qw_status status = qw_cache_create(QW_F32, spec.kv_heads, spec.head_dim, longest, &cache);
  if (status.code != QW_OK) return status;
  struct Freed {
    qw_cache& cache;
    ~Freed() { qw_cache_destroy(&cache); }
  } const freed{cache};
  float* scratch = qw::kernel_scratch(tape, qw_attention_scratch(longest, longest, spec.heads, &cache, qw_pool_threads(pool)));
  for (int64_t length : tape.lengths) {
    const qw_status appended = qw_cache_append(&cache, 0, length, k, v, pool);
    if (appended.code != QW_OK) return appended;
    const qw_attention_shape shape{length, 0, spec.heads, spec.number, spec.window, spec.softcap};
    qw_attention(&shape, &cache, q, out, scratch, pool);
    q += length * spec.heads * spec.head_dim, out += length * spec.heads * spec.head_dim;
    k += length * spec.kv_heads * spec.head_dim, v += length * spec.kv_heads * spec.head_dim;
  }
  return qw_ok();
}

qw_status run(qw_tape& tape, const TapeOp& op, qw::Rotations& rotations, qw_pool* pool) {
  const qw_op& spec = op.spec;
  if (spec.kind == QW_OP_OBSERVE) return qw_ok();
  const int64_t width = tape.widths[size_t(spec.out)], count = tape.rows * width;
  float* out = tape.value(spec.out);
  const float* in = spec.kind == QW_OP_EMBED ? nullptr : tape.value(spec.in[0]);
  switch (spec.kind) {
    case QW_OP_EMBED:
      qw::parallel(pool, tape.rows, 16, [&](int64_t begin, int64_t end, int) {
        for (int64_t r = begin; r < end; ++r) spec.weight->codec->dequantize(spec.weight, tape.tokens[size_t(r)], 1, out + r * width);
      });
      break;
    case QW_OP_RMSNORM: qw_rmsnorm(in, count / spec.vector_length, spec.vector_length, op.vector, spec.number, out, pool); break;
    case QW_OP_LAYERNORM: qw_layernorm(in, tape.rows, width, op.vector, spec.vector_length > width ? op.vector + width : nullptr, spec.number, out, pool); break;
    case QW_OP_LINEAR: return linear(tape, op, pool);
    case QW_OP_ROPE:
      std::memcpy(out, in, size_t(count) * sizeof(float));
      qw_rope(out, tape.rows, spec.heads, spec.head_dim, spec.vector_length, rotations.table(op), pool);
      break;
    case QW_OP_ATTENTION: return attention(tape, op, pool);
    case QW_OP_SILU_MUL: qw_silu_mul(in, tape.value(spec.in[1]), out, count, pool); break;
    case QW_OP_ADD: qw_add(in, tape.value(spec.in[1]), out, count, pool); break;
    case QW_OP_ACTIVATE: qw_activate(spec.activation, in, spec.gated != 0 ? tape.value(spec.in[1]) : nullptr, spec.number, out, count, pool); break;
    case QW_OP_POSITION: position(tape, op, pool); break;
    default: slice(tape, op); break;
  }
  return qw_ok();
}

}  // namespace

qw::Rotations::Rotations(const qw_tape& tape, float direction, qw_pool* pool) : direction_(direction), pool_(pool) {
  for (int64_t length : tape.lengths) {
    for (int64_t p = 0; p < length; ++p) positions_.push_back(p);
  }
}

const float* qw::Rotations::table(const TapeOp& op) {
  for (const Made& made : made_) {
    if (made.op->copied == op.copied && made.op->spec.number == op.spec.number) return made.table.data();
  }
  std::vector<float> frequency = op.copied, table(positions_.size() * 2 * op.copied.size());
  for (float& f : frequency) f *= direction_;
  qw_rope_table(frequency.data(), int64_t(frequency.size()), positions_.data(), int64_t(positions_.size()), op.spec.number, table.data(), pool_);
  made_.push_back({&op, std::move(table)});
  return made_.back().table.data();
}

qw_status qw::tape_forward(qw_tape& tape, const qw_sequences& sequences, qw_pool* pool) {
  qw_tape_release(&tape);
  qw_status status = check(tape, sequences);
  if (status.code == QW_OK) {
    tape.values = std::make_unique<Pages>(tape.value_width * tape.rows);
    if (tape.values->data() == nullptr) {
      status = qw_error(QW_OUT_OF_MEMORY, "No memory for the %.0f MiB of values of %lld tokens; use fewer or shorter sequences at once.",
                        double(tape.value_width * tape.rows) * 4 / 1048576, (long long)tape.rows);
    }
  }
  if (status.code == QW_OK && tape.input == QW_INPUT_HIDDEN) std::memcpy(tape.value(0), sequences.input, size_t(tape.rows * tape.widths[0]) * sizeof(float));
  Rotations rotations(tape, 1.0f, pool);
  for (size_t i = 0; status.code == QW_OK && i < tape.ops.size(); ++i) status = run(tape, tape.ops[i], rotations, pool);
  if (status.code != QW_OK) qw_tape_release(&tape);
  return status;
}
