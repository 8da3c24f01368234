// What a tape is made of. Private to this folder.
#pragma once
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "program/backward/backward.h"
#include "program/model.h"

namespace qw {

// Memory of one run, given back to the system with it: runs come from several threads, whose heaps would each keep a copy.
class Pages {
 public:
  // Zeros. data() is NULL when the system has no memory.
  explicit Pages(int64_t elements);
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  float* data() const { return memory_; }

 private:
  float* memory_ = nullptr;
  size_t bytes_;
};

struct TapeOp {
  qw_op spec;                 // value ids are versions; every write begins one, those in place too
  std::vector<float> copied;  // of the program's vector
  const float* matrix = nullptr;  // instead of spec.weight
  const float* vector = nullptr;  // of the program or replaced
  bool rounds_inputs = false;
  qw_activations inputs{};  // when it does
  int64_t wanted[3] = {-1, -1, -1};  // index among the wanted gradients, by qw_gradient_of; -1: none

  int64_t vector_length() const { return spec.vector_length; }
};

}  // namespace qw

struct qw_tape {
  qw_input input;
  std::vector<int64_t> widths;   // of versions
  std::vector<int64_t> offsets;  // of versions in the kept values, per row
  std::vector<qw::TapeOp> ops;
  std::vector<int64_t> gradients;  // where the gradient of a version lies while it lives, per row; -1: none is wanted
  std::vector<qw_wanted> wanted;
  std::vector<int64_t> wanted_sizes;
  int32_t output = 0;
  int input_gradient = 0;
  int64_t vocabulary = 0, positions = INT64_MAX;
  int64_t value_width = 0, gradient_width = 0;  // f32 elements per row
  bool rows_meet = false;

  // Of the forward run that kept its values.
  std::unique_ptr<qw::Pages> values;
  qw::Scratch kernels;
  std::vector<int64_t> lengths;
  std::vector<int32_t> tokens;
  int64_t rows = 0;  // 0: nothing kept

  float* value(int32_t version) const { return values->data() + offsets[size_t(version)] * rows; }
};

namespace qw {

// cos and sin of the angles of a rope's rows; direction -1 turns back.
class Rotations {
 public:
  Rotations(const qw_tape& tape, float direction, qw_pool* pool);
  const float* table(const TapeOp& op);

 private:
  struct Made {
    const TapeOp* op;
    std::vector<float> table;
  };
  std::vector<int64_t> positions_;
  std::vector<Made> made_;
  float direction_;
  qw_pool* pool_;
};

// `elements` f32 that kernels may use until the next call. Throws bad_alloc.
inline float* kernel_scratch(qw_tape& tape, int64_t elements) {
  if (!tape.kernels.reserve(elements)) throw std::bad_alloc();
  return tape.kernels.data();
}

// Checks the sequences, and fills the tape's values.
qw_status tape_forward(qw_tape& tape, const qw_sequences& sequences, qw_pool* pool);
// Adds to the wanted gradients; writes `input`.
void tape_backward(qw_tape& tape, const float* gradient, float* input, float* const* wanted, qw_pool* pool);

}  // namespace qw
