#include "sequences.h"

#include "errors.h"

namespace quantwright {

Sequences sequences_of(int64_t width, const Named& input, const Named& lengths, std::vector<Napi::ObjectReference>& keep) {
  Sequences read;
  const Array<int32_t> given = integers(lengths, -1);
  for (size_t i = 0; i < given.length; ++i) {
    if (given.data[i] < 1) throw invalid(lengths.value.Env(), lengths.name + ": every sequence needs at least one token.");
    read.lengths.push_back(given.data[i]);
    read.rows += given.data[i];
  }
  if (read.rows == 0) throw invalid(lengths.value.Env(), lengths.name + " names no sequence.");
  if (width == 0) {
    Array<int32_t> tokens = integers(input, read.rows);
    read.input = tokens.data;
    keep.push_back(std::move(tokens.keep));
  } else {
    Array<float> hidden = floats(input, read.rows * width);
    read.input = hidden.data;
    keep.push_back(std::move(hidden.keep));
  }
  return read;
}

}  // namespace quantwright
