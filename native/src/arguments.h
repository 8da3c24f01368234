// Reads arguments and fields of argument objects, or throws QW_INVALID_ARGUMENT naming the field, what was wanted and what came.
#pragma once
#include <napi.h>

#include <cstdint>
#include <initializer_list>
#include <string>

#include "abi/codec.h"

namespace quantwright {

// Where a value comes from, for messages: "createWeight: scale".
struct Named {
  Napi::Value value;
  std::string name;
};

Named argument(const Napi::CallbackInfo& info, size_t index, const std::string& function, const std::string& name);
// A field of an object argument; the object itself must be an object.
Named field(const Named& object, const char* name);
bool absent(const Named& value);

int64_t integer(const Named& value, int64_t least, int64_t most);
double finite(const Named& value);
bool flag(const Named& value, bool otherwise);
// Index of the text among the choices.
int choice(const Named& value, std::initializer_list<const char*> choices);
qw_type type_of(const Named& value);  // 'f32' | 'f16' | 'bf16'

// View of a typed array. `keep` must be held (on the JS thread) while the data is used.
template <typename Element>
struct Array {
  const Element* data = nullptr;
  size_t length = 0;
  Napi::ObjectReference keep;
};
// wanted_length < 0: any. floats also takes a Hessian that was factored, as the factor that it is.
Array<float> floats(const Named& value, int64_t wanted_length);
Array<int32_t> integers(const Named& value, int64_t wanted_length);
Array<uint8_t> unsigned_codes(const Named& value, int64_t wanted_length);
Array<uint8_t> codes(const Named& value, int64_t wanted_length, bool* is_signed);  // Int8Array or Uint8Array

// rows * cols, refused when it cannot be a buffer.
int64_t elements(Napi::Env env, const std::string& function, int64_t rows, int64_t cols);

constexpr int64_t kMaxDimension = int64_t(1) << 31;
constexpr int64_t kMaxInteger = (int64_t(1) << 53) - 1;  // what a JS number holds exactly

}  // namespace quantwright
