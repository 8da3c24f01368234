// Prepares a program for reverse mode: every write of a value, in place or not, begins a version, so that all of them can be kept; the gradients of versions
// share memory, because each lives only from its last reader back to its writer.
#include "program/backward/tape.h"

#include <algorithm>
#include <cstdio>
#include <exception>

#include "program/backward/inputs.h"

namespace {

using qw::TapeOp;

int64_t rounded(int64_t width) { return (width + 15) / 16 * 16; }  // cache lines

const char* name_of(qw_gradient_of of) { return of == QW_GRADIENT_MATRIX ? "matrix" : of == QW_GRADIENT_COLUMNS ? "columns" : "vector"; }

// "body[3] linear" of the op at a place of body and head together.
struct Where {
  char words[64];
  Where(const qw_program_spec& spec, int64_t op) {
    const bool in_body = op < spec.body_count;
    const qw_op& at = in_body ? spec.body[op] : spec.head[op - spec.body_count];
    std::snprintf(words, sizeof words, "%s[%lld] %s", in_body ? "body" : "head", (long long)(in_body ? op : op - spec.body_count), qw::op_name(at.kind));
  }
};

void add_ops(qw_tape& tape, const qw_program_spec& spec, std::vector<int32_t>& current) {
  for (int64_t i = 0; i < spec.body_count + spec.head_count; ++i) {
    TapeOp op;
    op.spec = i < spec.body_count ? spec.body[i] : spec.head[i - spec.body_count];
    if (op.spec.vector != nullptr) op.copied.assign(op.spec.vector, op.spec.vector + op.spec.vector_length);
    for (int in = 0; in < qw::input_count(op.spec); ++in) op.spec.in[in] = current[size_t(op.spec.in[in])];
    if (op.spec.kind != QW_OP_OBSERVE) {
      const int32_t value = op.spec.out;
      tape.widths.push_back(spec.widths[value]);
      op.spec.out = current[size_t(value)] = int32_t(tape.widths.size() - 1);
    }
    if (op.spec.kind == QW_OP_EMBED) tape.vocabulary = op.spec.weight->rows;
    if (op.spec.kind == QW_OP_POSITION) tape.positions = std::min(tape.positions, op.spec.weight->rows - op.spec.offset);
    tape.rows_meet = tape.rows_meet || op.spec.kind == QW_OP_ATTENTION || op.spec.kind == QW_OP_ROPE || op.spec.kind == QW_OP_POSITION;
    tape.ops.push_back(std::move(op));  // one for each of the program's, so that places stay
  }
  for (TapeOp& op : tape.ops) op.vector = op.copied.empty() ? nullptr : op.copied.data();
}

qw_status add_parameters(qw_tape& tape, const qw_tape_spec& spec) {
  const int64_t count = int64_t(tape.ops.size());
  for (int64_t i = 0; i < spec.replaced_count; ++i) {
    const qw_replaced& replaced = spec.replaced[i];
    if (replaced.op < 0 || replaced.op >= count) return qw_error(QW_INVALID_ARGUMENT, "The program has no op %lld to replace parameters of.", (long long)replaced.op);
    TapeOp& op = tape.ops[size_t(replaced.op)];
    const bool linear = op.spec.kind == QW_OP_LINEAR, norm = op.spec.kind == QW_OP_RMSNORM || op.spec.kind == QW_OP_LAYERNORM;
    const bool biased = linear && op.vector != nullptr;
    if ((replaced.matrix != nullptr && !linear) || (replaced.vector != nullptr && !norm && !biased) || (replaced.inputs != nullptr && !linear)) {
      return qw_error(QW_INVALID_ARGUMENT, "%s: only the matrix, bias and input of a linear and the vector of a norm can be replaced.", Where(*spec.program, replaced.op).words);
    }
    if (replaced.inputs != nullptr) {
      const qw_status known = qw::check_rounded_inputs(*replaced.inputs);
      if (known.code != QW_OK) return qw_error(known.code, "%s: %s", Where(*spec.program, replaced.op).words, known.message);
      op.rounds_inputs = true;
      op.inputs = *replaced.inputs;
    }
    if (replaced.matrix != nullptr) op.matrix = replaced.matrix;
    if (replaced.vector != nullptr) op.vector = replaced.vector;
  }
  for (int64_t i = 0; i < spec.wanted_count; ++i) {
    const qw_wanted& wanted = spec.wanted[i];
    if (wanted.op < 0 || wanted.op >= count) return qw_error(QW_INVALID_ARGUMENT, "The program has no op %lld to give a gradient of.", (long long)wanted.op);
    TapeOp& op = tape.ops[size_t(wanted.op)];
    const qw_op& given = op.spec;
    const bool vector = wanted.of == QW_GRADIENT_VECTOR;
    const bool norm = given.kind == QW_OP_RMSNORM || given.kind == QW_OP_LAYERNORM;
    if (vector ? !norm && (given.kind != QW_OP_LINEAR || op.vector == nullptr) : given.kind != QW_OP_LINEAR) {
      return qw_error(QW_INVALID_ARGUMENT, "%s: has no gradient of its %s.", Where(*spec.program, wanted.op).words, name_of(wanted.of));
    }
    if (wanted.of == QW_GRADIENT_COLUMNS && wanted.against == nullptr) {
      return qw_error(QW_INVALID_ARGUMENT, "%s: the gradient of columns needs the matrix they are factors of.", Where(*spec.program, wanted.op).words);
    }
    if (op.wanted[wanted.of] >= 0) return qw_error(QW_INVALID_ARGUMENT, "%s: its %s gradient is wanted twice.", Where(*spec.program, wanted.op).words, name_of(wanted.of));
    op.wanted[wanted.of] = i;
    tape.wanted.push_back(wanted);
    const int64_t width = tape.widths[size_t(given.out)];
    // A layernorm without a bias has the gradient of one all the same.
    const int64_t of_vector = given.kind == QW_OP_LAYERNORM ? 2 * width : given.vector_length;
    tape.wanted_sizes.push_back(vector ? of_vector : wanted.of == QW_GRADIENT_COLUMNS ? given.weight->cols : given.weight->rows * given.weight->cols);
  }
  return qw_ok();
}

// Gradients in the order in which a backward run meets them, each at the first gap between those that live then.
void place_gradients(qw_tape& tape) {
  std::vector<bool> needed(tape.widths.size(), false);
  if (tape.input == QW_INPUT_HIDDEN) needed[0] = tape.input_gradient != 0;
  for (const TapeOp& op : tape.ops) {
    if (op.spec.kind == QW_OP_OBSERVE) continue;
    bool any = op.wanted[0] >= 0 || op.wanted[1] >= 0 || op.wanted[2] >= 0;
    for (int i = 0; i < qw::input_count(op.spec); ++i) any = any || needed[size_t(op.spec.in[i])];
    needed[size_t(op.spec.out)] = any;
  }
  std::vector<int32_t> living;
  const auto place = [&](int32_t version) {
    if (!needed[size_t(version)] || tape.gradients[size_t(version)] >= 0) return;
    std::vector<std::pair<int64_t, int64_t>> taken;
    for (int32_t other : living) taken.emplace_back(tape.gradients[size_t(other)], tape.gradients[size_t(other)] + rounded(tape.widths[size_t(other)]));
    std::sort(taken.begin(), taken.end());
    const int64_t width = rounded(tape.widths[size_t(version)]);
    int64_t offset = 0;
    for (const auto& [begin, end] : taken) {
      if (offset + width <= begin) break;
      offset = std::max(offset, end);
    }
    tape.gradients[size_t(version)] = offset;
    tape.gradient_width = std::max(tape.gradient_width, offset + width);
    living.push_back(version);
  };
  tape.gradients.assign(tape.widths.size(), -1);
  place(tape.output);
  for (auto op = tape.ops.rbegin(); op != tape.ops.rend(); ++op) {
    if (op->spec.kind == QW_OP_OBSERVE || tape.gradients[size_t(op->spec.out)] < 0) continue;
    for (int i = 0; i < qw::input_count(op->spec); ++i) place(op->spec.in[i]);
    living.erase(std::remove(living.begin(), living.end(), op->spec.out), living.end());
  }
}

}  // namespace

extern "C" qw_status qw_tape_create(const qw_tape_spec* spec, qw_tape** out) {
  *out = nullptr;
  try {
    const qw_program_spec& program = *spec->program;
    qw_status status = qw::validate(program);
    if (status.code != QW_OK) return status;
    if (spec->input_gradient != 0 && program.input == QW_INPUT_TOKENS) return qw_error(QW_INVALID_ARGUMENT, "Tokens have no gradient; only programs over hidden states have one of their input.");
    auto tape = std::make_unique<qw_tape>();
    tape->input = program.input;
    tape->input_gradient = spec->input_gradient;
    std::vector<int32_t> current(size_t(program.value_count), -1);
    if (program.input == QW_INPUT_HIDDEN) {
      tape->widths.push_back(program.widths[0]);
      current[0] = 0;
    }
    add_ops(*tape, program, current);
    tape->output = current[size_t(program.output)];
    status = add_parameters(*tape, *spec);
    if (status.code != QW_OK) return status;
    for (int64_t width : tape->widths) {
      tape->offsets.push_back(tape->value_width);
      tape->value_width += rounded(width);
    }
    place_gradients(*tape);
    *out = tape.release();
    return qw_ok();
  } catch (const std::exception&) {
    return qw_error(QW_OUT_OF_MEMORY, "No memory to prepare the program for gradients.");
  }
}

extern "C" void qw_tape_free(qw_tape* tape) { delete tape; }
extern "C" int64_t qw_tape_input_width(const qw_tape* tape) { return tape->input == QW_INPUT_HIDDEN ? tape->widths[0] : 0; }
extern "C" int64_t qw_tape_output_width(const qw_tape* tape) { return tape->widths[size_t(tape->output)]; }
extern "C" int qw_tape_has_input_gradient(const qw_tape* tape) { return tape->input_gradient; }
extern "C" int64_t qw_tape_rows(const qw_tape* tape) { return tape->rows; }
extern "C" int64_t qw_tape_wanted_count(const qw_tape* tape) { return int64_t(tape->wanted.size()); }
extern "C" int64_t qw_tape_wanted_size(const qw_tape* tape, int64_t index) { return tape->wanted_sizes[size_t(index)]; }
extern "C" size_t qw_tape_bytes(const qw_tape* tape, int64_t rows) { return size_t(tape->value_width + tape->gradient_width) * size_t(rows) * sizeof(float); }

extern "C" void qw_tape_release(qw_tape* tape) {
  tape->values.reset();
  tape->rows = 0;
}
