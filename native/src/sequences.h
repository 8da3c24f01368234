// Sequences of tokens, or of rows of a program's hidden value, one after the other: arguments of tapes and trainers.
#pragma once
#include <vector>

#include "arguments.h"
#include "program/backward/backward.h"

namespace quantwright {

struct Sequences {
  std::vector<int64_t> lengths;
  const void* input = nullptr;
  int64_t rows = 0;
  qw_sequences native() const { return {input, lengths.data(), int64_t(lengths.size())}; }
};

// `width` of a row of `input`; 0: tokens. What they lie in is added to `keep`.
Sequences sequences_of(int64_t width, const Named& input, const Named& lengths, std::vector<Napi::ObjectReference>& keep);

}  // namespace quantwright
