// AffineWeightSpec of native/ts/weights.ts: codes, scales and zero points as a checkpoint stores them.
#pragma once
#include <memory>

#include "arguments.h"
#include "mapped_file.h"

namespace quantwright {

// What keeps a spec's bytes alive until the weight is made. Mapped ranges are asked for early: packing walks them with strides.
struct Source {
  std::shared_ptr<const Mapping> mapping;
  const void* data = nullptr;
  size_t length = 0;
  Napi::ObjectReference keep;
};

inline Source source_of(Bytes bytes) { return {std::move(bytes.mapping), bytes.data, bytes.length, std::move(bytes.keep)}; }

struct Affine {
  qw_affine affine;
  Source codes, scale, zero;
  Array<int32_t> g_idx;
};

// Everything but `codec` and `activations`.
Affine affine_of(Napi::Env env, const Named& spec);
// Asks for the mapped ranges, which packing walks with strides.
void will_need(const Affine& affine);

}  // namespace quantwright
