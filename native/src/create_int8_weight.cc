#include "create_int8_weight.h"

#include "activations.h"
#include "affine_source.h"
#include "linear/int8/weight.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "weight.h"

namespace quantwright {

Napi::Value create_int8(Napi::Env env, const Named& spec, int code_bits) {
  auto read = std::make_shared<Affine>(affine_of(env, spec));
  const qw_activations activations = activations_of(field(spec, "activations"));
  auto data = std::make_shared<WeightData>();
  return run_off_thread(
      env,
      [from = read.get(), code_bits, activations, data] {
        will_need(*from);
        const PoolLease lease;
        return qw_weight_int8(&from->affine, code_bits, &activations, lease.pool(), &data->weight);
      },
      [data, read](Napi::Env e) { return make_object(e, e.GetInstanceData<Environment>()->weight, data); });
}

}  // namespace quantwright
