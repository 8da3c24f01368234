#include "mapped_file.h"

#include <cstring>

#include "results.h"

namespace quantwright {

namespace {

struct Range {
  size_t offset, length;
};

Range range_of(const Named& offset, const Named& length, size_t size, const std::string& path) {
  const int64_t begin = integer(offset, 0, kMaxInteger), count = integer(length, 0, kMaxInteger);
  if (begin > int64_t(size) || count > int64_t(size) - begin) {
    throw invalid(offset.value.Env(), "Bytes " + std::to_string(begin) + " .. " + std::to_string(begin + count) + " are outside of " + path + ", which has " +
                                          std::to_string(size) + ".");
  }
  return {size_t(begin), size_t(count)};
}

}  // namespace

Napi::Function MappedFile::define(Napi::Env env) {
  return DefineClass(env, kName,
                     {InstanceAccessor<&MappedFile::path>("path"), InstanceAccessor<&MappedFile::size>("size"), InstanceMethod<&MappedFile::read>("read"),
                      InstanceMethod<&MappedFile::release>("release"), InstanceMethod<&MappedFile::close>("close")});
}

Napi::Value MappedFile::open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) throw invalid(env, "openFile: path must be a string.");
  State state{info[0].As<Napi::String>().Utf8Value(), nullptr};
  if (state.path.find('\0') != std::string::npos) throw invalid(env, "openFile: path contains a zero byte.");
  throw_unless_ok(env, Mapping::open(state.path, &state.mapping));
  return make_object(env, env.GetInstanceData<Environment>()->mapped_file, std::move(state));
}

MappedFile::MappedFile(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MappedFile>(info) {
  State state = taken_state<State>(info, "openFile");
  info.This().As<Napi::Object>().TypeTag(&kTag);
  path_ = std::move(state.path);
  mapping_ = std::move(state.mapping);
  size_ = mapping_->size();
}

const std::shared_ptr<const Mapping>& MappedFile::mapping(Napi::Env env, const std::string& name) const {
  if (mapping_ == nullptr) throw invalid(env, name + ": the file " + path_ + " is closed.");
  return mapping_;
}

Napi::Value MappedFile::path(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), path_); }
Napi::Value MappedFile::size(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(size_)); }

Napi::Value MappedFile::read(const Napi::CallbackInfo& info) {
  const auto& mapped = mapping(info.Env(), "read");
  const Range range = range_of(argument(info, 0, "read", "offset"), argument(info, 1, "read", "length"), size_, path_);
  Napi::Uint8Array out = new_bytes(info.Env(), int64_t(range.length));
  if (range.length > 0) std::memcpy(out.Data(), mapped->data() + range.offset, range.length);
  return out;
}

Napi::Value MappedFile::release(const Napi::CallbackInfo& info) {
  const auto& mapped = mapping(info.Env(), "release");
  const Range range = range_of(argument(info, 0, "release", "offset"), argument(info, 1, "release", "length"), size_, path_);
  mapped->release(range.offset, range.length);
  return info.Env().Undefined();
}

Napi::Value MappedFile::close(const Napi::CallbackInfo& info) {
  mapping_.reset();
  return info.Env().Undefined();
}

Bytes bytes_of(const Named& value, int64_t wanted_length) {
  Bytes bytes;
  if (value.value.IsTypedArray()) {
    Array<uint8_t> view = unsigned_codes(value, -1);
    bytes.data = view.data;
    bytes.length = view.length;
    bytes.keep = std::move(view.keep);
  } else {
    const Named handle = field(value, "file");
    MappedFile& file = unwrap<MappedFile>(handle.value, handle.name);
    bytes.mapping = file.mapping(value.value.Env(), value.name);
    const Range range = range_of(field(value, "offset"), field(value, "length"), bytes.mapping->size(), "the file of " + value.name);
    bytes.data = bytes.mapping->data() + range.offset;
    bytes.length = range.length;
  }
  if (wanted_length >= 0 && bytes.length != size_t(wanted_length)) {
    throw invalid(value.value.Env(), value.name + " has " + std::to_string(bytes.length) + " bytes, but needs " + std::to_string(wanted_length) + ".");
  }
  return bytes;
}

}  // namespace quantwright
