// Every codec, by name. Adding one: its folder and one line in the table.
#include <cstring>

#include "abi/codec.h"
#include "linear/dense/codec.h"
#include "linear/q2/codec.h"
#include "linear/q3/codec.h"
#include "linear/q4/codec.h"
#include "linear/q5/codec.h"
#include "linear/q6/codec.h"
#include "linear/q8/codec.h"
#include "linear/w8a8/codec.h"

namespace {

struct AffineCodec {
  const char* name;
  qw_status (*pack)(const qw_affine* affine, qw_pool* pool, qw_weight** out);
};

constexpr AffineCodec kAffineCodecs[] = {
    {"q2", qw_q2_pack}, {"q3", qw_q3_pack}, {"q4", qw_q4_pack},     {"q5", qw_q5_pack},
    {"q6", qw_q6_pack}, {"q8", qw_q8_pack}, {"w8a8", qw_w8a8_pack},
};

}  // namespace

qw_status qw_weight_affine(const char* codec, const qw_affine* affine, qw_pool* pool, qw_weight** out) {
  *out = nullptr;
  for (const AffineCodec& candidate : kAffineCodecs) {
    if (std::strcmp(candidate.name, codec) == 0) return candidate.pack(affine, pool, out);
  }
  return qw_error(QW_UNSUPPORTED, "no codec '%s' for integer weights; there are q2, q3, q4, q5, q6, q8 and w8a8", codec);
}

void qw_weight_free(qw_weight* weight) {
  if (weight != nullptr) weight->codec->destroy(weight);
}
