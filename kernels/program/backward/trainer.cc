#include "program/backward/trainer.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <vector>

#include "program/backward/tape.h"
#include "solve/rtn/values.h"

namespace {

// Rounded copy (of a matrix that is rounded), gradient and both moments.
struct Parameter {
  qw_trained spec;
  qw_rtn_options rounding{};
  int64_t count = 0;
  std::unique_ptr<qw::Pages> rounded, gradient, mean, square;
};

std::unique_ptr<qw::Pages> pages(int64_t elements) {
  auto made = std::make_unique<qw::Pages>(elements);
  if (made->data() == nullptr) throw std::bad_alloc();
  return made;
}

bool finite_between(float value, float low, float high) { return value >= low && value <= high; }

qw_status check(const qw_adamw& options) {
  const bool betas = finite_between(options.beta1, 0, 0.999999f) && finite_between(options.beta2, 0, 0.999999f);
  if (betas && finite_between(options.learning_rate, 0, 1e6f) && finite_between(options.epsilon, 0, 1) && finite_between(options.weight_decay, 0, 1e6f)) return qw_ok();
  return qw_error(QW_INVALID_ARGUMENT, "AdamW needs a learning rate and a weight decay of 0 or more, and betas of 0 to below 1; got %g, %g, %g and %g.",
                  double(options.learning_rate), double(options.weight_decay), double(options.beta1), double(options.beta2));
}

}  // namespace

struct qw_trainer {
  std::vector<Parameter> parameters;
  qw_adamw optimizer{};
  qw_tape* tape = nullptr;
  int64_t updates = 0;
  bool changed = true;  // since the matrices were rounded

  qw_trainer() = default;
  qw_trainer(const qw_trainer&) = delete;
  qw_trainer& operator=(const qw_trainer&) = delete;
  ~qw_trainer() { qw_tape_free(tape); }

  qw_status round(qw_pool* pool) {
    if (!changed) return qw_ok();
    for (Parameter& one : parameters) {
      if (one.rounded == nullptr) continue;
      const int64_t lines = one.spec.lines;
      const qw_status status = qw_rtn_values(one.spec.values, lines, one.count / lines, nullptr, &one.rounding, one.rounded->data(), pool);
      if (status.code != QW_OK) return status;
    }
    changed = false;
    return qw_ok();
  }
};

namespace {

// The matrix or vector that op `of` has; 0 where it has none, which the tape refuses with words of its own.
int64_t size_of(const qw_program_spec& program, const qw_trained& trained) {
  if (trained.op < 0 || trained.op >= program.body_count + program.head_count) return 0;
  const qw_op& op = trained.op < program.body_count ? program.body[trained.op] : program.head[trained.op - program.body_count];
  if (trained.of == QW_GRADIENT_VECTOR) return op.vector_length;
  return op.weight == nullptr ? 0 : op.weight->rows * op.weight->cols;
}

qw_status add(qw_trainer& trainer, const qw_trainer_spec& spec, std::vector<qw_replaced>& replaced, std::vector<qw_wanted>& wanted) {
  for (int64_t i = 0; i < spec.trained_count; ++i) {
    const qw_trained& given = spec.trained[i];
    Parameter one;
    one.spec = given;
    one.count = size_of(*spec.program, given);
    const bool matrix = given.of == QW_GRADIENT_MATRIX;
    if (!matrix && given.of != QW_GRADIENT_VECTOR) return qw_error(QW_INVALID_ARGUMENT, "Parameter %lld: matrices and vectors are trained, not columns.", (long long)i);
    if (given.rounding != nullptr) {
      int is_signed;
      int64_t groups;
      if (!matrix || given.lines < 1 || one.count % given.lines != 0) {
        return qw_error(QW_INVALID_ARGUMENT, "Parameter %lld: %lld elements cannot be rounded as %lld lines.", (long long)i, (long long)one.count, (long long)given.lines);
      }
      one.rounding = *given.rounding;
      const qw_status planned = qw_rtn_plan(&one.rounding, given.lines, one.count / given.lines, &is_signed, &groups);
      if (planned.code != QW_OK) return planned;
      one.rounded = pages(one.count);
    }
    one.gradient = pages(one.count), one.mean = pages(one.count), one.square = pages(one.count);
    const float* read = one.rounded != nullptr ? one.rounded->data() : given.values;
    replaced.push_back({given.op, matrix ? read : nullptr, matrix ? nullptr : read, nullptr});
    wanted.push_back({given.op, given.of, nullptr});
    trainer.parameters.push_back(std::move(one));
  }
  for (int64_t i = 0; i < spec.input_count; ++i) replaced.push_back({spec.inputs[i].op, nullptr, nullptr, &spec.inputs[i].inputs});
  return qw_ok();
}

}  // namespace

extern "C" qw_status qw_trainer_create(const qw_trainer_spec* spec, qw_trainer** out) {
  *out = nullptr;
  const qw_status checked = check(spec->optimizer);
  if (checked.code != QW_OK) return checked;
  try {
    auto trainer = std::make_unique<qw_trainer>();
    trainer->optimizer = spec->optimizer;
    std::vector<qw_replaced> replaced;
    std::vector<qw_wanted> wanted;
    qw_status status = add(*trainer, *spec, replaced, wanted);
    if (status.code != QW_OK) return status;
    const qw_tape_spec tape{spec->program, replaced.data(), int64_t(replaced.size()), wanted.data(), int64_t(wanted.size()), 0};
    status = qw_tape_create(&tape, &trainer->tape);
    if (status.code != QW_OK) return status;
    // Of a layernorm without a bias the tape gives the gradient of one all the same.
    for (size_t i = 0; i < trainer->parameters.size(); ++i) {
      Parameter& one = trainer->parameters[i];
      if (qw_tape_wanted_size(trainer->tape, int64_t(i)) > one.count) one.gradient = pages(qw_tape_wanted_size(trainer->tape, int64_t(i)));
    }
    *out = trainer.release();
    return qw_ok();
  } catch (const std::exception&) {
    return qw_error(QW_OUT_OF_MEMORY, "No memory for the gradients and moments of what is trained.");
  }
}

extern "C" void qw_trainer_free(qw_trainer* trainer) { delete trainer; }
extern "C" int64_t qw_trainer_input_width(const qw_trainer* trainer) { return qw_tape_input_width(trainer->tape); }
extern "C" int64_t qw_trainer_output_width(const qw_trainer* trainer) { return qw_tape_output_width(trainer->tape); }

extern "C" size_t qw_trainer_bytes(const qw_trainer* trainer, int64_t rows) {
  size_t bytes = qw_tape_bytes(trainer->tape, rows);
  for (const Parameter& one : trainer->parameters) bytes += size_t(one.count) * sizeof(float) * (one.rounded == nullptr ? 3 : 4);
  return bytes;
}

extern "C" qw_status qw_trainer_step(qw_trainer* trainer, const qw_sequences* sequences, const float* target, double* loss, qw_pool* pool) {
  qw_status status = trainer->round(pool);
  if (status.code != QW_OK) return status;
  std::vector<float*> gradients;
  for (const Parameter& one : trainer->parameters) gradients.push_back(one.gradient->data());
  status = qw_tape_squared_error(trainer->tape, sequences, target, loss, nullptr, gradients.data(), pool);
  if (status.code != QW_OK || !std::isfinite(*loss)) return status;
  trainer->updates += 1;
  for (Parameter& one : trainer->parameters) {
    qw::adamw_update(trainer->optimizer, trainer->updates, one.spec.decays != 0, one.count, one.gradient->data(), one.spec.values, one.mean->data(), one.square->data(),
                     pool);
  }
  trainer->changed = true;
  return status;
}

extern "C" qw_status qw_trainer_loss(qw_trainer* trainer, const qw_sequences* sequences, const float* target, double* loss, qw_pool* pool) {
  const qw_status status = trainer->round(pool);
  return status.code != QW_OK ? status : qw_tape_squared_loss(trainer->tape, sequences, target, loss, pool);
}
