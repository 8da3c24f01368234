// One token from a row of logits: penalties, a mask, greedy choice or a draw from what the filters leave. The C mirror of SamplerSpec in native/ts/binding.ts.
// Order (README.md has the formulas): bias, repetition, frequency and presence penalty, mask, temperature, top-k, top-p, min-p, draw.
// A sampler keeps all its memory: a token allocates nothing. It must not be used by two threads at once.
#pragma once
#include <stdint.h>

#include "abi/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qw_sampling {
  int64_t width;              // logits of a row
  double temperature;         // 0: greedy
  int64_t top_k;              // 0: off
  double top_p;               // 1: off
  double min_p;               // 0: off
  double repetition_penalty;  // 1: off; of prompt and generated tokens
  double frequency_penalty;   // 0: off; times the occurrences among generated tokens
  double presence_penalty;    // 0: off; once for every generated token
  uint64_t seed;
  const int32_t* bias_ids;    // logits[bias_ids[i]] += bias[i]
  const float* bias;
  int64_t bias_count;
} qw_sampling;

typedef struct qw_sampler qw_sampler;

qw_status qw_sampler_create(const qw_sampling* sampling, qw_sampler** out);
void qw_sampler_free(qw_sampler* sampler);
int64_t qw_sampler_width(const qw_sampler* sampler);
// Tokens of the prompt, for the repetition penalty. Ids outside the row are ignored: they have no logit.
void qw_sampler_observe(qw_sampler* sampler, const int32_t* tokens, int64_t count);
// Tokens drawn so far: the counter of the random numbers. Setting it makes a draft model's draws those of the model at the same place.
int64_t qw_sampler_drawn(const qw_sampler* sampler);
void qw_sampler_set_drawn(qw_sampler* sampler, int64_t drawn);

// mask: bit i of word i / 32 allows token i; NULL allows all. Changes the logits. Counts the token that it gives as generated.
// QW_INTERNAL: a logit is NaN or infinite. QW_INVALID_ARGUMENT: the mask allows nothing.
qw_status qw_sampler_next(qw_sampler* sampler, float* logits, const uint32_t* mask, int32_t* token);

#ifdef __cplusplus
}
#endif
