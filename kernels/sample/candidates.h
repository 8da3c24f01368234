// Filters over a list of candidates in rising order of id. "Better": larger weight, then smaller id; so every filter has one answer, whatever the sort.
// Private to kernels/sample.
#pragma once
#include <stdint.h>

#include <vector>

namespace qw {

struct Candidate {
  int32_t id;
  float weight;  // a logit while the largest are searched, then exp((logit - largest) / temperature)
};

inline bool better(const Candidate& a, const Candidate& b) { return a.weight > b.weight || (a.weight == b.weight && a.id < b.id); }
// The last one that a filter keeps: it and everything better stay.
inline bool within(const Candidate& candidate, const Candidate& last) { return !better(last, candidate); }

// Keeps the `most` best, in their order. `copy` is working memory.
void keep_best(std::vector<Candidate>& candidates, int64_t most, std::vector<Candidate>& copy);
// The last of the fewest best candidates whose weights reach `mass`; the worst one when all together do not. Reorders. candidates is not empty.
Candidate nucleus(std::vector<Candidate>& candidates, double mass);

}  // namespace qw
