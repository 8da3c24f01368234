// MappedFile of native/ts/binding.ts.
#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "arguments.h"
#include "mapping.h"
#include "objects.h"

namespace quantwright {

class MappedFile : public Napi::ObjectWrap<MappedFile> {
 public:
  static constexpr napi_type_tag kTag = {0x6d61707065640001, 0x7177726967687401};
  static constexpr const char* kName = "MappedFile";
  struct State {
    std::string path;
    std::shared_ptr<const Mapping> mapping;
  };

  static Napi::Function define(Napi::Env env);
  static Napi::Value open(const Napi::CallbackInfo& info);
  explicit MappedFile(const Napi::CallbackInfo& info);

  // Throws when closed.
  const std::shared_ptr<const Mapping>& mapping(Napi::Env env, const std::string& name) const;

 private:
  Napi::Value path(const Napi::CallbackInfo& info);
  Napi::Value size(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value release(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  std::string path_;
  size_t size_;
  std::shared_ptr<const Mapping> mapping_;  // null when closed
};

// Bytes of native/ts/binding.ts: a Uint8Array, or a range of a MappedFile that is used in place.
struct Bytes {
  const uint8_t* data = nullptr;
  size_t length = 0;
  std::shared_ptr<const Mapping> mapping;  // null for a Uint8Array
  Napi::ObjectReference keep;
};
// wanted_length < 0: any.
Bytes bytes_of(const Named& value, int64_t wanted_length);

}  // namespace quantwright
