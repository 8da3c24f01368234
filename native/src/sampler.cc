#include "sampler.h"

#include "arguments.h"

namespace quantwright {

namespace {

double number_or(const Named& value, double otherwise) { return absent(value) ? otherwise : finite(value); }

}  // namespace

Napi::Function Sampler::define(Napi::Env env) {
  return DefineClass(env, kName,
                     {InstanceMethod<&Sampler::observe>("observe"), InstanceMethod<&Sampler::sample>("sample"),
                      InstanceAccessor<&Sampler::drawn, &Sampler::set_drawn>("drawn")});
}

Sampler::Sampler(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Sampler>(info), data_(taken_state<State>(info, "createSampler")) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
}

qw_sampler* Sampler::idle(Napi::Env env) const {
  if (data_->busy) throw invalid(env, "The sampler is used by a step that runs; await it first.");
  return data_->sampler;
}

Napi::Value Sampler::observe(const Napi::CallbackInfo& info) {
  const Array<int32_t> tokens = integers(argument(info, 0, "observe", "tokens"), -1);
  qw_sampler_observe(idle(info.Env()), tokens.data, int64_t(tokens.length));
  return info.Env().Undefined();
}

Napi::Value Sampler::sample(const Napi::CallbackInfo& info) {
  qw_sampler* const sampler = idle(info.Env());
  const int64_t width = qw_sampler_width(sampler);
  const Array<float> logits = floats(argument(info, 0, "sample", "logits"), width);
  const Named mask = argument(info, 1, "sample", "mask");
  Array<int32_t> bits;
  if (!absent(mask)) bits = integers(mask, (width + 31) / 32);
  int32_t token = 0;
  // The documented side effect: the caller's logits are changed.
  throw_unless_ok(info.Env(), qw_sampler_next(sampler, const_cast<float*>(logits.data), reinterpret_cast<const uint32_t*>(bits.data), &token));
  return Napi::Number::New(info.Env(), token);
}

Napi::Value Sampler::drawn(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(qw_sampler_drawn(idle(info.Env())))); }

void Sampler::set_drawn(const Napi::CallbackInfo& info, const Napi::Value& value) {
  qw_sampler_set_drawn(idle(info.Env()), integer({value, "sampler: drawn"}, 0, kMaxInteger));
}

Napi::Value create_sampler(const Napi::CallbackInfo& info) {
  const Named spec = argument(info, 0, "createSampler", "");
  qw_sampling sampling{};
  sampling.width = integer(field(spec, "vocabulary"), 1, INT32_MAX);
  sampling.temperature = number_or(field(spec, "temperature"), 0);
  const Named top_k = field(spec, "topK"), seed = field(spec, "seed"), ids = field(spec, "biasIds");
  sampling.top_k = absent(top_k) ? 0 : integer(top_k, 0, kMaxInteger);
  sampling.top_p = number_or(field(spec, "topP"), 1);
  sampling.min_p = number_or(field(spec, "minP"), 0);
  sampling.repetition_penalty = number_or(field(spec, "repetitionPenalty"), 1);
  sampling.frequency_penalty = number_or(field(spec, "frequencyPenalty"), 0);
  sampling.presence_penalty = number_or(field(spec, "presencePenalty"), 0);
  sampling.seed = absent(seed) ? 0 : uint64_t(integer(seed, -kMaxInteger, kMaxInteger));
  Array<int32_t> bias_ids;
  Array<float> bias;
  if (!absent(ids)) {
    bias_ids = integers(ids, -1);
    bias = floats(field(spec, "bias"), int64_t(bias_ids.length));
    sampling.bias_ids = bias_ids.data, sampling.bias = bias.data, sampling.bias_count = int64_t(bias_ids.length);
  }
  auto data = std::make_shared<SamplerData>();
  throw_unless_ok(info.Env(), qw_sampler_create(&sampling, &data->sampler));
  return make_object(info.Env(), info.Env().GetInstanceData<Environment>()->sampler, std::move(data));
}

}  // namespace quantwright
