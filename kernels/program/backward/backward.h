// Reverse mode: a program over whole sequences, run forward keeping its values and then backward, for the gradients of a loss.
// A tape is a program prepared for that. Sequences run from their beginning, without a cache between calls; body and head run for every row.
// It owns copies of the program's vectors and borrows its weights. One call at a time.
#pragma once
#include "linear/int8/activations.h"
#include "program/program.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qw_tape qw_tape;

// Of which parameter of an op a gradient is wanted. Ops are counted through the body and then the head.
typedef enum qw_gradient_of {
  QW_GRADIENT_MATRIX,   // linear: [rows, cols], sum_t dy_ti x_tj
  QW_GRADIENT_COLUMNS,  // linear: [cols], sum_i against_ij (gradient of the matrix)_ij: of a factor of every column where the matrix is against * factor
  QW_GRADIENT_VECTOR,   // rmsnorm: weight [width]; layernorm: weight and bias [2 width]; linear with a bias: that [rows]
} qw_gradient_of;

typedef struct qw_wanted {
  int64_t op;
  qw_gradient_of of;
  const float* against;  // COLUMNS: [rows, cols], borrowed
} qw_wanted;

// Parameters that change between calls: read where they lie instead of the program's, borrowed. NULL: the program's.
typedef struct qw_replaced {
  int64_t op;
  const float* matrix;  // linear: f32 [rows, cols]
  const float* vector;  // rmsnorm, layernorm, linear with a bias: as the op's
  // linear: it reads its input as integers of a scale for every row, widened again. Gradients pass as if it did not round, where it clips too. Copied.
  const qw_activations* inputs;
} qw_replaced;

typedef struct qw_tape_spec {
  const qw_program_spec* program;
  const qw_replaced* replaced;
  int64_t replaced_count;
  const qw_wanted* wanted;
  int64_t wanted_count;
  int input_gradient;  // whether the gradient of value 0 is wanted (programs over hidden states)
} qw_tape_spec;

// Errors name the op: "body[12] linear: ...".
qw_status qw_tape_create(const qw_tape_spec* spec, qw_tape** out);
void qw_tape_free(qw_tape* tape);
int64_t qw_tape_input_width(const qw_tape* tape);  // 0 for tokens
int64_t qw_tape_output_width(const qw_tape* tape);
int qw_tape_has_input_gradient(const qw_tape* tape);
int64_t qw_tape_rows(const qw_tape* tape);  // that the last forward run kept; 0: none
int64_t qw_tape_wanted_count(const qw_tape* tape);
int64_t qw_tape_wanted_size(const qw_tape* tape, int64_t index);
// Memory of a forward run that keeps its values and a backward run over so many rows, without what the kernels work in.
size_t qw_tape_bytes(const qw_tape* tape, int64_t rows);

typedef struct qw_sequences {
  const void* input;       // int32 tokens, or f32 rows of value 0, sequence after sequence
  const int64_t* lengths;  // [count], each at least 1
  int64_t count;
} qw_sequences;

// out: [rows, width of the output], or NULL. keep: the values stay for one qw_tape_backward (or qw_tape_release); else their memory is given back.
qw_status qw_tape_forward(qw_tape* tape, const qw_sequences* sequences, int keep, float* out, qw_pool* pool);
// After a forward run that kept its values, which it uses up. gradient [rows, width of the output]: of the loss by the output.
// input: [rows, width of value 0], NULL unless input_gradient. wanted: one array for each wanted gradient, written.
qw_status qw_tape_backward(qw_tape* tape, const float* gradient, float* input, float* const* wanted, qw_pool* pool);
void qw_tape_release(qw_tape* tape);

// Forward, loss and backward in one. Programs whose rows do not meet (no attention, rope or position) run in pieces, so that logits never pile up.
// Mean over the rows with a target >= 0 of -log softmax(output)[target]. targets [rows].
qw_status qw_tape_cross_entropy(qw_tape* tape, const qw_sequences* sequences, const int32_t* targets, double* loss, float* input, float* const* wanted,
                                qw_pool* pool);
// Mean over all elements of (output - target)^2. target [rows, width of the output].
qw_status qw_tape_squared_error(qw_tape* tape, const qw_sequences* sequences, const float* target, double* loss, float* input, float* const* wanted,
                                qw_pool* pool);
// The same loss alone.
qw_status qw_tape_squared_loss(qw_tape* tape, const qw_sequences* sequences, const float* target, double* loss, qw_pool* pool);

#ifdef __cplusplus
}
#endif
