#include "weight.h"

#include "abi/saved.h"
#include "arguments.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "results.h"

namespace quantwright {

namespace {

struct Dequantize {
  const qw_weight* weight;
  float* out;
};

void dequantize_rows(void* context, int64_t begin, int64_t end, int) {
  const Dequantize& job = *static_cast<const Dequantize*>(context);
  job.weight->codec->dequantize(job.weight, begin, end - begin, job.out + begin * job.weight->cols);
}

}  // namespace

Napi::Function Weight::define(Napi::Env env) {
  return DefineClass(env, kName,
                     {InstanceAccessor<&Weight::codec>("codec"), InstanceAccessor<&Weight::rows>("rows"), InstanceAccessor<&Weight::cols>("cols"),
                      InstanceAccessor<&Weight::bytes>("bytes"), InstanceAccessor<&Weight::saved_bytes>("savedBytes"),
                      InstanceMethod<&Weight::dequantize>("dequantize"), InstanceMethod<&Weight::matmul>("matmul")});
}

Weight::Weight(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Weight>(info), data_(taken_state<State>(info, "createWeight")) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
  if (data_->mapping == nullptr) reported_ = int64_t(data_->weight->bytes);
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), reported_);
}

void Weight::Finalize(Napi::Env env) {
  if (reported_ != 0) Napi::MemoryManagement::AdjustExternalMemory(env, -reported_);
}

Napi::Value Weight::codec(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), data_->weight->codec->name); }
Napi::Value Weight::rows(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(data_->weight->rows)); }
Napi::Value Weight::cols(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(data_->weight->cols)); }
Napi::Value Weight::bytes(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(data_->weight->bytes)); }
Napi::Value Weight::saved_bytes(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(qw_saved_bytes(data_->weight))); }

Napi::Value Weight::dequantize(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    const qw_weight* weight = data_->weight;
    Napi::Float32Array out = new_floats(info.Env(), weight->rows * weight->cols);
    Dequantize job{weight, out.Data()};
    return run_off_thread(
        info.Env(),
        [job, data = data_]() mutable {
          const PoolLease lease;
          qw_parallel_for(lease.pool(), job.weight->rows, 16, dequantize_rows, &job);
          return qw_ok();
        },
        [out = Napi::Persistent(out)](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

Napi::Value Weight::matmul(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    const qw_weight* weight = data_->weight;
    const int64_t m = integer(argument(info, 1, "matmul", "m"), 1, kMaxDimension);
    Array<float> x = floats(argument(info, 0, "matmul", "x"), elements(info.Env(), "matmul", m, weight->cols));
    const Named bias_argument = argument(info, 2, "matmul", "bias");
    Array<float> bias;
    if (!absent(bias_argument)) bias = floats(bias_argument, weight->rows);
    Napi::Float32Array out = new_floats(info.Env(), elements(info.Env(), "matmul", m, weight->rows));
    return run_off_thread(
        info.Env(),
        [weight, m, x = x.data, bias = bias.data, y = out.Data(), data = data_] {
          const PoolLease lease;
          const size_t wanted = weight->codec->scratch_bytes == nullptr ? 0 : weight->codec->scratch_bytes(weight, m);
          std::vector<uint8_t> scratch(wanted + 64);
          uint8_t* aligned = scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64);
          weight->codec->matmul(weight, x, weight->cols, m, bias, y, weight->rows, aligned, lease.pool());
          return qw_ok();
        },
        [out = Napi::Persistent(out), x = std::move(x.keep), bias = std::move(bias.keep)](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

}  // namespace quantwright
