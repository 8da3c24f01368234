#include "arguments.h"
#include "program.h"

namespace quantwright {

Napi::Function Session::define(Napi::Env env) {
  return DefineClass(env, kName,
                     {InstanceAccessor<&Session::length>("length"), InstanceAccessor<&Session::capacity>("capacity"),
                      InstanceAccessor<&Session::cache_bytes>("cacheBytes"), InstanceMethod<&Session::truncate>("truncate")});
}

Session::Session(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Session>(info), data_(taken_state<State>(info, "program.createSession")) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
  reported_ = int64_t(qw_session_cache_bytes(data_->session));
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), reported_);
}

void Session::Finalize(Napi::Env env) {
  if (reported_ != 0) Napi::MemoryManagement::AdjustExternalMemory(env, -reported_);
}

Napi::Value Session::length(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(data_->length)); }
Napi::Value Session::capacity(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(qw_session_capacity(data_->session))); }

Napi::Value Session::cache_bytes(const Napi::CallbackInfo& info) {
  // A packed cache may grow while it runs.
  if (!data_->busy) {
    const int64_t held = int64_t(qw_session_cache_bytes(data_->session));
    if (held != reported_) Napi::MemoryManagement::AdjustExternalMemory(info.Env(), held - reported_);
    reported_ = held;
  }
  return Napi::Number::New(info.Env(), double(reported_));
}

Napi::Value Session::truncate(const Napi::CallbackInfo& info) {
  const int64_t length = integer(argument(info, 0, "truncate", "length"), 0, kMaxInteger);
  throw_unless_ok(info.Env(), qw_session_truncate(data_->session, length));
  data_->length = length;
  return info.Env().Undefined();
}

}  // namespace quantwright
