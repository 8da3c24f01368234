// One run at a time of what keeps state between runs (tapes, trainers).
#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "errors.h"

namespace quantwright {

// A turn to run: taken and given back on the JS thread. Data has a flag `busy`.
template <typename Data>
class Turn {
 public:
  Turn(Napi::Env env, std::shared_ptr<Data> data, const char* what) : data_(std::move(data)) {
    if (data_->busy) {
      data_.reset();
      throw invalid(env, std::string("The ") + what + " is running already; await its run first.");
    }
    data_->busy = true;
  }
  Turn(Turn&&) noexcept = default;
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (data_ != nullptr) data_->busy = false;
  }
  Data* operator->() const { return data_.get(); }

 private:
  std::shared_ptr<Data> data_;
};

}  // namespace quantwright
