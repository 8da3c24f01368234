// XXH64: four lanes of acc = rotl(acc + word * P2, 31) * P1 over stripes of 32 bytes, folded into one, then the tail, then the avalanche.
// About 3 cycles a stripe: memory is slower.
#include "abi/hash.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace {

constexpr uint64_t kP1 = 0x9E3779B185EBCA87u, kP2 = 0xC2B2AE3D27D4EB4Fu, kP3 = 0x165667B19E3779F9u, kP4 = 0x85EBCA77C2B2AE63u,
                   kP5 = 0x27D4EB2F165667C5u;
constexpr int64_t kPiecesPerJob = 32;

inline uint64_t rotate(uint64_t value, int by) { return value << by | value >> (64 - by); }
inline uint64_t mix(uint64_t lane, uint64_t word) { return rotate(lane + word * kP2, 31) * kP1; }
inline uint64_t fold(uint64_t hash, uint64_t lane) { return (hash ^ mix(0, lane)) * kP1 + kP4; }

template <typename Word>
inline Word read(const unsigned char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

struct Pieces {
  const unsigned char* data;
  size_t bytes;
  uint64_t* hashes;
};

void hash_pieces(void* context, int64_t begin, int64_t end, int) {
  const Pieces& job = *static_cast<const Pieces*>(context);
  for (int64_t piece = begin; piece < end; ++piece) {
    const size_t offset = size_t(piece) * QW_HASH_PIECE;
    job.hashes[piece] = qw_hash64(job.data + offset, std::min<size_t>(QW_HASH_PIECE, job.bytes - offset), 0);
  }
}

}  // namespace

uint64_t qw_hash64(const void* data, size_t bytes, uint64_t seed) {
  const unsigned char* at = static_cast<const unsigned char*>(data);
  const unsigned char* const end = at + bytes;
  uint64_t hash = seed + kP5;
  if (bytes >= 32) {
    uint64_t a = seed + kP1 + kP2, b = seed + kP2, c = seed, d = seed - kP1;
    for (; end - at >= 32; at += 32) {
      a = mix(a, read<uint64_t>(at));
      b = mix(b, read<uint64_t>(at + 8));
      c = mix(c, read<uint64_t>(at + 16));
      d = mix(d, read<uint64_t>(at + 24));
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    for (const uint64_t lane : {a, b, c, d}) hash = fold(hash, lane);
  }
  hash += bytes;
  for (; end - at >= 8; at += 8) hash = rotate(hash ^ mix(0, read<uint64_t>(at)), 27) * kP1 + kP4;
  if (end - at >= 4) {
    hash = rotate(hash ^ read<uint32_t>(at) * kP1, 23) * kP2 + kP3;
    at += 4;
  }
  for (; at < end; ++at) hash = rotate(hash ^ *at * kP5, 11) * kP1;
  hash = (hash ^ hash >> 33) * kP2;
  hash = (hash ^ hash >> 29) * kP3;
  return hash ^ hash >> 32;
}

uint64_t qw_hash_pieces(const void* data, size_t bytes, qw_pool* pool) {
  const int64_t count = int64_t((bytes + QW_HASH_PIECE - 1) / QW_HASH_PIECE);
  uint64_t hash = bytes;
  std::vector<uint64_t> hashes(static_cast<size_t>(kPiecesPerJob));
  for (int64_t first = 0; first < count; first += kPiecesPerJob) {
    const size_t offset = size_t(first) * QW_HASH_PIECE;
    const int64_t pieces = std::min(kPiecesPerJob, count - first);
    Pieces job = {static_cast<const unsigned char*>(data) + offset, bytes - offset, hashes.data()};
    qw_parallel_for(pool, pieces, 1, hash_pieces, &job);
    hash = qw_hash64(hashes.data(), size_t(pieces) * sizeof(uint64_t), hash);
  }
  return hash;
}
