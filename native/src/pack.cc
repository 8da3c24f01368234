// widen and the packers: the shape decides the size of the result, the kernel does the rest.
#include "dense_source.h"
#include "pack/pack.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "results.h"
#include "quantize.h"

namespace quantwright {

namespace {

struct Shape {
  int64_t rows, cols, word_bytes;  // word_bytes: of the whole packed matrix
  int bits;
};

Shape shape_of(const Napi::CallbackInfo& info, const char* function) {
  Shape shape;
  shape.rows = integer(argument(info, 1, function, "rows"), 1, kMaxDimension);
  shape.cols = integer(argument(info, 2, function, "cols"), 1, kMaxDimension);
  const Named bits = argument(info, 3, function, "bits");
  shape.bits = int(integer(bits, 2, 8));
  elements(info.Env(), function, shape.rows, shape.cols);
  shape.word_bytes = qw_pack_words(shape.cols, shape.bits) * shape.rows * 4;
  return shape;
}

using Pack = qw_status(const uint8_t*, int64_t, int64_t, int, qw_pool*, uint32_t*);
using Unpack = qw_status(const void*, int64_t, int64_t, int, qw_pool*, uint8_t*);

Napi::Value pack(const Napi::CallbackInfo& info, const char* function, Pack* kernel) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    const Shape shape = shape_of(info, function);
    Array<uint8_t> codes = unsigned_codes(argument(info, 0, function, "codes"), shape.rows * shape.cols);
    Napi::Uint8Array out = new_bytes(info.Env(), shape.word_bytes);
    return run_off_thread(
        info.Env(),
        [shape, kernel, from = codes.data, to = reinterpret_cast<uint32_t*>(out.Data())] {
          const PoolLease lease;
          return kernel(from, shape.rows, shape.cols, shape.bits, lease.pool(), to);
        },
        [out = Napi::Persistent(out), keep = std::move(codes.keep)](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

Napi::Value unpack(const Napi::CallbackInfo& info, const char* function, Unpack* kernel) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    const Shape shape = shape_of(info, function);
    Bytes words = bytes_of(argument(info, 0, function, "words"), shape.word_bytes);
    Napi::Uint8Array out = new_bytes(info.Env(), shape.rows * shape.cols);
    return run_off_thread(
        info.Env(),
        [shape, kernel, from = words.data, to = out.Data(), mapping = words.mapping] {
          const PoolLease lease;
          return kernel(from, shape.rows, shape.cols, shape.bits, lease.pool(), to);
        },
        [out = Napi::Persistent(out), keep = std::move(words.keep)](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

}  // namespace

Napi::Value pack_gptq(const Napi::CallbackInfo& info) { return pack(info, "packGptq", qw_pack_gptq); }
Napi::Value unpack_gptq(const Napi::CallbackInfo& info) { return unpack(info, "unpackGptq", qw_unpack_gptq); }
Napi::Value pack_rows(const Napi::CallbackInfo& info) { return pack(info, "packRows", qw_pack_rows); }
Napi::Value unpack_rows(const Napi::CallbackInfo& info) { return unpack(info, "unpackRows", qw_unpack_rows); }

Napi::Value widen(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "widen", "source"));
    Napi::Float32Array out = new_floats(info.Env(), source.dense.rows * source.dense.cols);
    return run_off_thread(
        info.Env(),
        [dense = source.dense, to = out.Data(), mapping = source.bytes.mapping] {
          const PoolLease lease;
          return qw_widen(&dense, lease.pool(), to);
        },
        [out = Napi::Persistent(out), keep = std::move(source.bytes.keep)](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

}  // namespace quantwright
