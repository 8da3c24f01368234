// The permutation is taken apart into cyclic moves of at most 64 places. A move takes two kinds of elements: those [i, k] with i among its places and k not,
// which move along i for every k alone, and those with both among them, which are few.
//
// Cost: every element moves about twice, once as [i, k] and once as [k, i]: 2 width^2 moves, half of them a cache line apart.
#include "solve/gptq/permute.h"

#include <algorithm>
#include <vector>

#include "cpu/parallel.h"
#include "observe/triangle.h"

namespace {

constexpr int64_t kMostPlaces = 64;
constexpr int64_t kGrain = 256;

class Mover {
 public:
  Mover(float* triangle, int64_t width, qw_pool* pool)
      : triangle_(triangle), width_(width), pool_(pool), among_(size_t(width), uint8_t(0)), both_(size_t(kMostPlaces * kMostPlaces)) {}

  // places[a] gets what was at places[from[a]].
  void run(const std::vector<int64_t>& places, const std::vector<int64_t>& from) {
    const int64_t count = int64_t(places.size());
    for (int64_t place : places) among_[size_t(place)] = 1;
    for (int64_t a = 0; a < count; ++a) {
      for (int64_t b = 0; b < count; ++b) both_[size_t(a * count + b)] = at(places[size_t(a)], places[size_t(b)]);
    }
    qw::parallel(pool_, width_, kGrain, [&](int64_t begin, int64_t end, int) {
      float held[kMostPlaces];
      for (int64_t k = begin; k < end; ++k) {
        if (among_[size_t(k)]) continue;
        for (int64_t a = 0; a < count; ++a) held[a] = at(places[size_t(a)], k);
        for (int64_t a = 0; a < count; ++a) at(places[size_t(a)], k) = held[from[size_t(a)]];
      }
    });
    for (int64_t a = 0; a < count; ++a) {
      for (int64_t b = 0; b <= a; ++b) at(places[size_t(a)], places[size_t(b)]) = both_[size_t(from[size_t(a)] * count + from[size_t(b)])];
    }
    for (int64_t place : places) among_[size_t(place)] = 0;
  }

 private:
  float& at(int64_t i, int64_t j) { return triangle_[qw::symmetric_at(width_, i, j)]; }

  float* triangle_;
  int64_t width_;
  qw_pool* pool_;
  std::vector<uint8_t> among_;
  std::vector<float> both_;
};

}  // namespace

void qw::permute_symmetric(float* triangle, int64_t width, const int32_t* order, qw_pool* pool) {
  Mover mover(triangle, width, pool);
  std::vector<uint8_t> done(static_cast<size_t>(width));
  std::vector<int64_t> places, from;
  places.reserve(size_t(kMostPlaces));
  from.reserve(size_t(kMostPlaces));
  for (int64_t start = 0; start < width; ++start) {
    // The cycle start <- order[start] <- order[order[start]] ... in pieces: the last place of a piece takes what its first one held, and passes it on in the
    // next piece, which begins there.
    int64_t place = start;
    while (!done[size_t(place)]) {
      places.clear();
      from.clear();
      while (int64_t(places.size()) < kMostPlaces - 1 && !done[size_t(place)]) {
        done[size_t(place)] = 1;
        places.push_back(place);
        place = order[place];
      }
      const bool closed = done[size_t(place)];
      if (!closed) places.push_back(place);
      const int64_t count = int64_t(places.size());
      for (int64_t a = 0; a < count; ++a) from.push_back((a + 1) % count);
      if (count > 1) mover.run(places, from);
    }
  }
}
