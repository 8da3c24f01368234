// Classes of one environment (each worker thread loads the addon anew) and safe passage between JavaScript objects and C++.
#pragma once
#include <napi.h>

#include <string>

#include "errors.h"

namespace quantwright {

struct Environment {
  Napi::FunctionReference mapped_file, weight, program, session, sampler, tape, trainer, hessian;
};

// JavaScript cannot make an External, so only this addon constructs its classes.
template <typename State>
Napi::Object make_object(Napi::Env env, const Napi::FunctionReference& constructor, State state) {
  return constructor.New({Napi::External<State>::New(env, &state)});
}

template <typename State>
State taken_state(const Napi::CallbackInfo& info, const char* maker) {
  if (info.Length() != 1 || !info[0].IsExternal()) throw invalid(info.Env(), std::string("This class is not constructed directly; use ") + maker + ".");
  return std::move(*info[0].As<Napi::External<State>>().Data());
}

// The C++ object behind a value that must carry the class's tag; a forged or foreign object is refused, never dereferenced.
template <typename Class>
Class& unwrap(const Napi::Value& value, const std::string& name) {
  if (value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&Class::kTag)) return *Class::Unwrap(value.As<Napi::Object>());
  throw invalid(value.Env(), name + " must be a " + Class::kName + " of this addon.");
}

}  // namespace quantwright
