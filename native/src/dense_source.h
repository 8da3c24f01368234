// DenseSource of native/ts/binding.ts: a matrix as a checkpoint stores it.
#pragma once
#include "arguments.h"
#include "mapped_file.h"

namespace quantwright {

struct DenseSource {
  qw_dense dense;  // data points into `bytes`
  Bytes bytes;
};

inline DenseSource dense_source(const Named& source) {
  DenseSource read;
  read.dense.type = type_of(field(source, "type"));
  read.dense.rows = integer(field(source, "rows"), 1, kMaxDimension);
  read.dense.cols = integer(field(source, "cols"), 1, kMaxDimension);
  const int64_t count = elements(source.value.Env(), source.name, read.dense.rows, read.dense.cols);
  read.bytes = bytes_of(field(source, "data"), count * (read.dense.type == QW_F32 ? 4 : 2));
  read.dense.data = read.bytes.data;
  return read;
}

}  // namespace quantwright
