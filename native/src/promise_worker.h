// The one way this addon does heavy work: start() runs work() on a libuv thread, then finish() on the JS thread, and settles a Promise.
//   work:   () -> qw_status. Touches no JavaScript. Exceptions become QW_OUT_OF_MEMORY (bad_alloc) or QW_INTERNAL.
//   finish: (env) -> Napi::Value, what the Promise resolves to.
// Both own what they need: references that keep JavaScript buffers alive are captured by finish and released on the JS thread; guards captured
// by work are released before the Promise settles, so that its handlers find everything free again.
#pragma once
#include <napi.h>

#include <new>
#include <optional>
#include <utility>

#include "errors.h"

namespace quantwright {

template <typename Work, typename Finish>
class PromiseWorker : public Napi::AsyncWorker {
 public:
  static Napi::Promise start(Napi::Env env, Work work, Finish finish) {
    auto* worker = new PromiseWorker(env, std::move(work), std::move(finish));  // deletes itself
    const Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();
    return promise;
  }

 protected:
  void Execute() override {
    try {
      status_ = (*work_)();
    } catch (const std::bad_alloc&) {
      status_ = qw_error(QW_OUT_OF_MEMORY, "Not enough memory for this operation.");
    } catch (const std::exception& exception) {
      status_ = qw_error(QW_INTERNAL, "Internal error: %s", exception.what());
    }
  }

  void OnOK() override {
    work_.reset();
    if (status_.code != QW_OK) {
      deferred_.Reject(error_of(Env(), status_).Value());
      return;
    }
    try {
      deferred_.Resolve(finish_(Env()));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    }
  }

  void OnError(const Napi::Error& error) override {
    work_.reset();
    deferred_.Reject(error.Value());
  }

 private:
  PromiseWorker(Napi::Env env, Work work, Finish finish)
      : Napi::AsyncWorker(env, "quantwright"), deferred_(env), work_(std::move(work)), finish_(std::move(finish)) {}

  Napi::Promise::Deferred deferred_;
  std::optional<Work> work_;
  Finish finish_;
  qw_status status_ = qw_ok();
};

template <typename Work, typename Finish>
Napi::Promise run_off_thread(Napi::Env env, Work work, Finish finish) {
  return PromiseWorker<Work, Finish>::start(env, std::move(work), std::move(finish));
}

// Functions that return Promises never throw: errors in their arguments reject as well.
template <typename Body>
Napi::Value rejecting(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const Napi::Error& error) {
    Napi::Promise::Deferred deferred(env);
    deferred.Reject(error.Value());
    return deferred.Promise();
  }
}

}  // namespace quantwright
