// Trains parameters of a program by the squared error of its output: matrices of linears through their rounding, which counts as the identity on the way back
// (straight-through estimation, arXiv 1308.3432, also where codes are clamped), vectors as they are. Layer-by-layer distillation of ZeroQuant
// (arXiv 2206.01861, section 4.3) is this with a decoder block as the program and the block in full precision as the teacher.
// A trainer owns copies of the program's vectors, rounded copies of its matrices, gradients and moments; it borrows the parameters, and changes them.
#pragma once
#include "program/backward/adamw.h"
#include "program/backward/backward.h"
#include "solve/rtn/rtn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qw_trainer qw_trainer;

typedef struct qw_trained {
  int64_t op;         // through the body, then the head
  qw_gradient_of of;  // QW_GRADIENT_MATRIX of a linear; QW_GRADIENT_VECTOR of a norm or of a linear with a bias
  float* values;      // as the op's: changed by every step
  int decays;         // whether weight decay applies
  // Of a matrix: the program computes with what this makes of it, seen as [lines, rows * cols / lines]. NULL: with the matrix itself.
  const qw_rtn_options* rounding;
  int64_t lines;
} qw_trained;

// A linear that reads integers of a scale for every row.
typedef struct qw_rounded_input {
  int64_t op;
  qw_activations inputs;
} qw_rounded_input;

typedef struct qw_trainer_spec {
  const qw_program_spec* program;
  const qw_trained* trained;
  int64_t trained_count;
  const qw_rounded_input* inputs;
  int64_t input_count;
  qw_adamw optimizer;
} qw_trainer_spec;

// Errors name the op: "body[12] linear: ...".
qw_status qw_trainer_create(const qw_trainer_spec* spec, qw_trainer** out);
void qw_trainer_free(qw_trainer* trainer);
int64_t qw_trainer_input_width(const qw_trainer* trainer);  // 0 for tokens
int64_t qw_trainer_output_width(const qw_trainer* trainer);
// Of a step over so many rows, without what the kernels work in and the parameters themselves.
size_t qw_trainer_bytes(const qw_trainer* trainer, int64_t rows);

// Mean over all elements of (output - target)^2, then one update. target [rows, width of the output]. loss: before the update; where it is not finite, there is none.
qw_status qw_trainer_step(qw_trainer* trainer, const qw_sequences* sequences, const float* target, double* loss, qw_pool* pool);
// The same loss without an update.
qw_status qw_trainer_loss(qw_trainer* trainer, const qw_sequences* sequences, const float* target, double* loss, qw_pool* pool);

#ifdef __cplusplus
}
#endif
