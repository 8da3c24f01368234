#include "sample/candidates.h"

#include <algorithm>

void qw::keep_best(std::vector<Candidate>& candidates, int64_t most, std::vector<Candidate>& copy) {
  if (int64_t(candidates.size()) <= most) return;
  copy.assign(candidates.begin(), candidates.end());
  std::nth_element(copy.begin(), copy.begin() + (most - 1), copy.end(), better);
  const Candidate last = copy[size_t(most - 1)];
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(), [&](const Candidate& c) { return !within(c, last); }), candidates.end());
}

// Quickselect by mass: of the two sides of a pivot only the one where the sum crosses is looked at again, so the cost is linear.
qw::Candidate qw::nucleus(std::vector<Candidate>& candidates, double mass) {
  auto low = candidates.begin(), high = candidates.end();
  while (high - low > 32) {
    Candidate a = low[0], b = low[(high - low) / 2], c = high[-1];
    if (better(b, a)) std::swap(a, b);
    if (better(c, b)) b = better(c, a) ? a : c;  // the median, so that both sides have an element
    const auto middle = std::partition(low, high, [&](const Candidate& candidate) { return within(candidate, b); });
    double upper = 0;
    for (auto it = low; it != middle; ++it) upper += double(it->weight);
    if (upper >= mass) {
      high = middle;
    } else {
      mass -= upper;
      low = middle;
    }
  }
  std::sort(low, high, better);
  for (; low + 1 != high; ++low) {
    mass -= double(low->weight);
    if (mass <= 0) break;
  }
  return *low;
}
