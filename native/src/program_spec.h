// ProgramSpec -> qw_program_spec. Field by field; meaning is checked by kernels/program/validate.cc.
#pragma once
#include <list>
#include <memory>
#include <vector>

#include "arguments.h"
#include "program.h"

namespace quantwright {

// Vectors point into JavaScript memory that `keep` holds, until what is made of the spec has copied them; `weights` must be held as long as that lives.
struct GivenProgram {
  explicit GivenProgram(const Named& given);
  GivenProgram(const GivenProgram&) = delete;
  GivenProgram& operator=(const GivenProgram&) = delete;

  qw_program_spec spec{};
  std::vector<std::shared_ptr<WeightData>> weights;

 private:
  std::vector<Napi::ObjectReference> keep;
  std::list<std::vector<float>> joined;
  std::vector<int64_t> widths;
  std::vector<qw_op> body, head;
};

}  // namespace quantwright
