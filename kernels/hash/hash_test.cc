// Published values of XXH64, and that the hash of pieces sees every byte.
#include "abi/hash.h"

#include "testing/check.h"

int main() {
  CHECK(qw_hash64("", 0, 0) == 0xEF46DB3751D8E999u);
  CHECK(qw_hash64("a", 1, 0) == 0xD24EC4F1A98C6E5Bu);
  CHECK(qw_hash64("abc", 3, 0) == 0x44BC2CF5AD770999u);
  // From the self-test of xxHash: its byte generator, lengths on every route (tail only, and stripes with a tail of 14).
  std::vector<unsigned char> sanity(222);
  uint64_t generator = 2654435761u;
  for (unsigned char& byte : sanity) {
    byte = static_cast<unsigned char>(generator >> 56);
    generator *= 11400714785074694797u;
  }
  CHECK(qw_hash64(sanity.data(), 14, 0) == 0x8282DCC4994E35C8u);
  CHECK(qw_hash64(sanity.data(), 14, 2654435761u) == 0xC3BD6BF63DEB6DF0u);
  CHECK(qw_hash64(sanity.data(), 222, 0) == 0xB641AE8CB691C174u);
  CHECK(qw_hash64(sanity.data(), 222, 2654435761u) == 0x20CB8AB7AE10C14Au);

  qw_test::Random random(5);
  const size_t bytes = size_t(QW_HASH_PIECE) * 34 + 12345;
  std::vector<unsigned char> data(bytes + 1);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<unsigned char>(i * 2654435761u >> 24);
  const uint64_t whole = qw_hash_pieces(data.data(), bytes, qw_pool_shared());
  std::memmove(data.data() + 1, data.data(), bytes);
  CHECK(qw_hash_pieces(data.data() + 1, bytes, qw_pool_shared()) == whole);
  for (int round = 0; round < 40; ++round) {
    unsigned char& byte = data[1 + size_t(random.integer(0, int64_t(bytes) - 1))];
    byte ^= static_cast<unsigned char>(1 << (round % 8));
    CHECK(qw_hash_pieces(data.data() + 1, bytes, qw_pool_shared()) != whole);
    byte ^= static_cast<unsigned char>(1 << (round % 8));
  }
  CHECK(qw_hash_pieces(data.data() + 1, bytes - 1, qw_pool_shared()) != whole);
  CHECK(qw_hash_pieces(nullptr, 0, qw_pool_shared()) == 0);
  return qw_test::finish("hash");
}
