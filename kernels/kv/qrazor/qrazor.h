// QRazor's KV4 (Lee et al. 2025; algorithms section 10): integers of 8 or 16 bits by token and head, of which every group of channels keeps the 4 most
// significant bits and a shift that it shares (solve/qrazor/sdr.h, the rule of qllm-infer).
//   scale = absmax / (2^(base_bits - 1) - 1), 1 where 0;  q = round(x / scale);  x' = code * 2^shift * scale
// What is read is (nibble - 8) * (2^shift * scale): the kernels of kv/token with a zero point of 8 and a scale for each group.
#pragma once
#include "kv/kv.h"

namespace qw {

qw_status check_qrazor_spec(const qw_kv_spec& spec);
qw_status check_qrazor_layer(const qw_kv_spec& spec, const KvLayer& layer);
std::unique_ptr<KvStore> make_qrazor_store(const qw_kv_spec& spec, const KvLayer& layer);

}  // namespace qw
