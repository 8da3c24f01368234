#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <vector>

#include "cpu/pick.h"
#include "sample/candidates.h"
#include "sample/kernels.h"
#include "sample/sample.h"

struct qw_sampler {
  qw_sampling sampling;
  std::vector<int32_t> bias_ids;
  std::vector<float> bias;
  uint64_t drawn = 0;
  bool penalizes = false;
  std::vector<int32_t> seen;         // distinct ids of prompt and generated tokens
  std::vector<uint32_t> occurrence;  // [width]: 0 not seen, 1 + times generated
  std::vector<double> sums;          // of blocks of weights
  std::vector<int32_t> ids;          // of one step of a search
  std::vector<qw::Candidate> candidates, copy;
};

namespace {

using qw::Candidate;

// Candidates between two prunings of a top-k search: few prunings, in the core's L1.
constexpr int64_t kSearch = 2048;

// SplitMix64 (Steele, Lea and Flood 2014) at a place of its sequence: uniform in [0, 1) with 53 bits.
double uniform(uint64_t seed, uint64_t place) {
  uint64_t mixed = seed + (place + 1) * 0x9e3779b97f4a7c15ull;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ull;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebull;
  return double((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53;
}

void see(qw_sampler& sampler, int32_t token, uint32_t generated) {
  if (!sampler.penalizes || token < 0 || token >= sampler.sampling.width) return;
  uint32_t& count = sampler.occurrence[size_t(token)];
  if (count == 0) {
    sampler.seen.push_back(token);
    count = 1;
  }
  count += generated;
}

void penalize(const qw_sampler& sampler, float* logits) {
  const qw_sampling& s = sampler.sampling;
  for (size_t i = 0; i < sampler.bias.size(); ++i) logits[sampler.bias_ids[i]] += sampler.bias[i];
  for (const int32_t id : sampler.seen) {
    double logit = double(logits[id]);
    logit = logit > 0 ? logit / s.repetition_penalty : logit * s.repetition_penalty;
    const uint32_t generated = sampler.occurrence[size_t(id)] - 1;
    if (generated > 0) logit -= s.frequency_penalty * generated + s.presence_penalty;
    logits[id] = float(logit);
  }
}

void forbid(float* logits, int64_t width, const uint32_t* mask) {
  for (int64_t begin = 0; begin < width; begin += 32) {
    const uint32_t allowed = mask[begin / 32];
    if (allowed == UINT32_MAX) continue;
    const int64_t end = std::min<int64_t>(begin + 32, width);
    if (allowed == 0) {
      std::fill(logits + begin, logits + end, -INFINITY);
    } else {
      for (int64_t i = begin; i < end; ++i) {
        if ((allowed >> (i - begin) & 1) == 0) logits[i] = -INFINITY;
      }
    }
  }
}

// Appends what is above the threshold; calls full() whenever `most` candidates are there, which returns a new threshold.
template <typename Full>
void search(qw_sampler& sampler, const float* x, float threshold, int64_t most, Full full) {
  const int64_t width = sampler.sampling.width;
  for (int64_t from = 0; from < width;) {
    int64_t found = 0;
    from = QW_PICK(qw::row_above)(x, width, from, threshold, sampler.ids.data(), int64_t(sampler.ids.size()), &found);
    for (int64_t i = 0; i < found; ++i) sampler.candidates.push_back({sampler.ids[size_t(i)], x[sampler.ids[size_t(i)]]});
    if (int64_t(sampler.candidates.size()) >= most) threshold = full();
  }
}

// Candidates become the top_k largest logits.
void largest_logits(qw_sampler& sampler, const float* logits) {
  const int64_t k = sampler.sampling.top_k;
  const auto prune = [&] {
    qw::keep_best(sampler.candidates, k, sampler.copy);
    // What comes later has larger ids, so an equal one is not among the best.
    float least = INFINITY;
    for (const Candidate& candidate : sampler.candidates) least = std::min(least, candidate.weight);
    return least;
  };
  search(sampler, logits, -INFINITY, k + kSearch, prune);
  prune();
}

// Largest weight first, then by id: likely tokens keep their place on the line when other weights change a little.
int32_t draw_candidate(const qw_sampler& sampler, const Candidate& last, float least, double left) {
  const Candidate* best = nullptr;
  double total = 0;
  const auto kept = [&](const Candidate& c) { return qw::within(c, last) && c.weight >= least; };
  for (const Candidate& candidate : sampler.candidates) {
    if (!kept(candidate)) continue;
    total += double(candidate.weight);
    if (best == nullptr || qw::better(candidate, *best)) best = &candidate;
  }
  left = left * total - double(best->weight);
  if (left < 0) return best->id;
  const Candidate* chosen = best;
  for (const Candidate& candidate : sampler.candidates) {
    if (&candidate == best || !kept(candidate) || candidate.weight == 0) continue;
    chosen = &candidate;
    left -= double(candidate.weight);
    if (left < 0) break;
  }
  return chosen->id;  // rounding may leave a trace: the last one then
}

int32_t draw_weight(const float* weights, int64_t width, const std::vector<double>& sums, int64_t best, double left) {
  left -= double(weights[best]);
  if (left < 0) return int32_t(best);
  int64_t chosen = best;
  for (int64_t begin = 0; begin < width; begin += qw::kWeightBlock) {
    const double block = sums[size_t(begin / qw::kWeightBlock)] - (best / qw::kWeightBlock == begin / qw::kWeightBlock ? double(weights[best]) : 0.0);
    if (left >= block && begin + qw::kWeightBlock < width) {
      left -= block;
      continue;
    }
    const int64_t end = std::min(begin + qw::kWeightBlock, width);
    for (int64_t i = begin; i < end; ++i) {
      if (i == best || weights[i] == 0) continue;
      chosen = i;
      left -= double(weights[i]);
      if (left < 0) return int32_t(i);
    }
  }
  return int32_t(chosen);
}

// Of equal largest ones the lowest id.
int64_t first_largest(const float* logits, int64_t width, float top) {
  int32_t ids[16];  // the search ends with the first hit: there is no room for a second step
  int64_t found = 0;
  QW_PICK(qw::row_above)(logits, width, 0, std::nextafter(top, -INFINITY), ids, 16, &found);
  return ids[0];
}

int32_t draw(qw_sampler& sampler, float* logits, float top) {
  const qw_sampling& s = sampler.sampling;
  const double random = uniform(s.seed, sampler.drawn);
  // Below this every token but the likeliest has weight 0 anyway; the quotient must stay finite.
  const float inverse_temperature = float(1.0 / std::max(s.temperature, 1e-30));
  const float least = float(s.min_p);
  const Candidate everything{INT32_MAX, -1.0f};
  std::vector<Candidate>& candidates = sampler.candidates;
  candidates.clear();
  if (s.top_k > 0 && s.top_k < s.width) {
    largest_logits(sampler, logits);
    double total = 0;
    for (Candidate& candidate : candidates) total += double(candidate.weight = std::exp((candidate.weight - top) * inverse_temperature));
    Candidate last = everything;
    if (s.top_p < 1) {
      sampler.copy.assign(candidates.begin(), candidates.end());
      last = qw::nucleus(sampler.copy, s.top_p * total);
    }
    return draw_candidate(sampler, last, least, random);
  }
  const int64_t best = first_largest(logits, s.width, top);
  const double total = QW_PICK(qw::row_weights)(logits, s.width, top, inverse_temperature, sampler.sums.data());
  if (s.top_p == 1 && s.min_p == 0) return draw_weight(logits, s.width, sampler.sums, best, random * total);
  // Tokens of at most this weight have together less than what top-p may leave out, so the nucleus lies above. The factor covers rounding.
  const float cut = s.top_p < 1 ? float((1 - s.top_p) * total / double(s.width) * 0.999) : 0.0f;
  search(sampler, logits, std::max(cut, std::nextafter(least, 0.0f)), INT64_MAX, [&] { return 0.0f; });
  Candidate last = everything;
  if (s.top_p < 1) {
    sampler.copy.assign(candidates.begin(), candidates.end());
    last = qw::nucleus(sampler.copy, s.top_p * total);
  }
  return draw_candidate(sampler, last, least, random);
}

qw_status check(const qw_sampling& s) {
  const auto outside = [](const char* name, double value, const char* range) {
    return qw_error(QW_INVALID_ARGUMENT, "sampler: %s is %g; it must be %s.", name, value, range);
  };
  // Negated comparisons, so that NaN is refused as well.
  if (s.width < 1 || s.width > INT32_MAX) return outside("width", double(s.width), "1 to 2147483647");
  if (!(s.temperature >= 0 && s.temperature <= 100)) return outside("temperature", s.temperature, "0 (greedy) to 100");
  if (s.top_k < 0) return outside("top_k", double(s.top_k), "an integer from 0 (off)");
  if (!(s.top_p > 0 && s.top_p <= 1)) return outside("top_p", s.top_p, "above 0, up to 1 (off)");
  if (!(s.min_p >= 0 && s.min_p <= 1)) return outside("min_p", s.min_p, "0 (off) to 1");
  if (!(s.repetition_penalty > 0 && s.repetition_penalty <= 100)) return outside("repetition_penalty", s.repetition_penalty, "above 0, up to 100; 1 is off");
  if (!(std::fabs(s.frequency_penalty) <= 100)) return outside("frequency_penalty", s.frequency_penalty, "-100 to 100; 0 is off");
  if (!(std::fabs(s.presence_penalty) <= 100)) return outside("presence_penalty", s.presence_penalty, "-100 to 100; 0 is off");
  for (int64_t i = 0; i < s.bias_count; ++i) {
    if (s.bias_ids[i] < 0 || s.bias_ids[i] >= s.width) {
      return qw_error(QW_INVALID_ARGUMENT, "sampler: a bias names token %d; the model has tokens 0 to %lld.", s.bias_ids[i], (long long)s.width - 1);
    }
    if (!std::isfinite(s.bias[i])) return qw_error(QW_INVALID_ARGUMENT, "sampler: the bias of token %d is not a finite number.", s.bias_ids[i]);
  }
  return qw_ok();
}

}  // namespace

extern "C" qw_status qw_sampler_create(const qw_sampling* sampling, qw_sampler** out) {
  *out = nullptr;
  const qw_status status = check(*sampling);
  if (status.code != QW_OK) return status;
  try {
    auto sampler = std::make_unique<qw_sampler>();
    qw_sampling& s = sampler->sampling = *sampling;
    sampler->bias_ids.assign(s.bias_ids, s.bias_ids + s.bias_count);
    sampler->bias.assign(s.bias, s.bias + s.bias_count);
    s.bias_ids = nullptr, s.bias = nullptr;
    sampler->penalizes = s.repetition_penalty != 1 || s.frequency_penalty != 0 || s.presence_penalty != 0;
    if (sampler->penalizes) {
      sampler->occurrence.assign(size_t(s.width), 0);
      sampler->seen.reserve(4096);
    }
    if (s.temperature > 0) {
      sampler->sums.resize(size_t((s.width + qw::kWeightBlock - 1) / qw::kWeightBlock));
      sampler->ids.resize(size_t(kSearch));
      const bool few = s.top_k > 0 && s.top_k < s.width;
      const bool filters = few || s.top_p < 1 || s.min_p > 0;
      const size_t most = !filters ? 0 : few ? size_t(std::min(s.top_k + 2 * kSearch, s.width)) : size_t(s.width);
      sampler->candidates.reserve(most);
      sampler->copy.reserve(most);
    }
    *out = sampler.release();
    return qw_ok();
  } catch (const std::exception&) {
    return qw_error(QW_OUT_OF_MEMORY, "No memory for sampling from %lld tokens.", (long long)sampling->width);
  }
}

extern "C" void qw_sampler_free(qw_sampler* sampler) { delete sampler; }
extern "C" int64_t qw_sampler_width(const qw_sampler* sampler) { return sampler->sampling.width; }
extern "C" int64_t qw_sampler_drawn(const qw_sampler* sampler) { return int64_t(sampler->drawn); }
extern "C" void qw_sampler_set_drawn(qw_sampler* sampler, int64_t drawn) { sampler->drawn = uint64_t(drawn); }

extern "C" void qw_sampler_observe(qw_sampler* sampler, const int32_t* tokens, int64_t count) {
  for (int64_t i = 0; i < count; ++i) see(*sampler, tokens[i], 0);
}

extern "C" qw_status qw_sampler_next(qw_sampler* sampler, float* logits, const uint32_t* mask, int32_t* token) {
  const int64_t width = sampler->sampling.width;
  penalize(*sampler, logits);
  // Before the mask: a model that gives NaN is broken, whatever is allowed.
  bool not_a_number = false;
  float top = QW_PICK(qw::row_largest)(logits, width, &not_a_number);
  if (not_a_number || !std::isfinite(top)) {
    return qw_error(QW_INTERNAL, "the model produced logits that are not finite numbers; its weights or scales hold NaN or infinity");
  }
  if (mask != nullptr) {
    forbid(logits, width, mask);
    top = QW_PICK(qw::row_largest)(logits, width, &not_a_number);
    if (!std::isfinite(top)) return qw_error(QW_INVALID_ARGUMENT, "no token of the model's vocabulary is allowed here");
  }
  *token = sampler->sampling.temperature > 0 ? draw(*sampler, logits, top) : int32_t(first_largest(logits, width, top));
  ++sampler->drawn;
  see(*sampler, *token, 1);
  return qw_ok();
}
