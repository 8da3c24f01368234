#include "saved_weights.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "abi/hash.h"
#include "abi/saved.h"
#include "mapped_file.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "weight.h"

namespace quantwright {

namespace {

std::string hexadecimal(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

// A new file that only its owner reads; gone again unless finish() succeeds. Written in pieces of 4 MiB at multiples of 4 MiB: where the
// system keeps what is written at once together (Linux: large folios), mappings of the file then have huge pages.
class NewFile {
 public:
  explicit NewFile(std::string path) : path_(std::move(path)) { piece_.reserve(kPiece); }
  ~NewFile() {
    if (file_ < 0) return;
    ::close(file_);
    ::unlink(path_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  qw_status create() {
    file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return file_ < 0 ? problem("create") : qw_ok();
  }
  qw_status write(const void* data, size_t bytes) {
    const uint8_t* at = static_cast<const uint8_t*>(data);
    position_ += bytes;
    while (bytes > 0) {
      const size_t count = std::min(bytes, kPiece - piece_.size());
      piece_.insert(piece_.end(), at, at + count);
      at += count;
      bytes -= count;
      if (piece_.size() < kPiece) break;
      const qw_status status = flush();
      if (status.code != QW_OK) return status;
    }
    return qw_ok();
  }
  // Zeros up to `offset`, at or behind what was written.
  qw_status pad_to(size_t offset) {
    static const char zeros[4096] = {};
    qw_status status = qw_ok();
    while (status.code == QW_OK && position_ < offset) status = write(zeros, std::min(sizeof zeros, offset - position_));
    return status;
  }
  // Onto the disk: a rename must not come before the data.
  qw_status finish() {
    const qw_status status = flush();
    if (status.code != QW_OK) return status;
    if (::fsync(file_) != 0) return problem("write");
    const int file = std::exchange(file_, -1);
    if (::close(file) == 0) return qw_ok();
    ::unlink(path_.c_str());
    return problem("write");
  }

 private:
  static constexpr size_t kPiece = size_t(4) << 20;

  qw_status flush() {
    const uint8_t* at = piece_.data();
    for (size_t left = piece_.size(); left > 0;) {
      const ssize_t count = ::write(file_, at, left);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return problem("write");
      at += count;
      left -= size_t(count);
    }
    piece_.clear();
    return qw_ok();
  }
  qw_status problem(const char* what) const { return qw_error(QW_IO, "Cannot %s %s: %s.", what, path_.c_str(), std::strerror(errno)); }

  std::string path_;
  int file_ = -1;
  size_t position_ = 0;
  std::vector<uint8_t> piece_;
};

struct Placed {
  size_t offset;
  std::shared_ptr<WeightData> weight;
};

qw_status write_piece(void* context, const void* data, size_t bytes) { return static_cast<NewFile*>(context)->write(data, bytes); }

qw_status write_all(const std::string& path, const uint8_t* head, size_t head_bytes, const std::vector<Placed>& weights) {
  NewFile file(path);
  qw_status status = file.create();
  if (status.code == QW_OK) status = file.write(head, head_bytes);
  for (const Placed& placed : weights) {
    if (status.code == QW_OK) status = file.pad_to(placed.offset);
    if (status.code == QW_OK) status = qw_weight_save(placed.weight->weight, write_piece, &file);
  }
  return status.code == QW_OK ? file.finish() : status;
}

// Offsets must rise, and leave room for what is before them.
std::vector<Placed> placed_weights(const Named& list, size_t head_bytes) {
  const Napi::Env env = list.value.Env();
  if (!list.value.IsArray()) throw invalid(env, list.name + " must be an array.");
  const Napi::Array array = list.value.As<Napi::Array>();
  std::vector<Placed> weights;
  size_t end = head_bytes;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Named entry = {array.Get(i), list.name + "[" + std::to_string(i) + "]"};
    const Named handle = field(entry, "weight");
    const Named offset = field(entry, "offset");
    Placed placed = {size_t(integer(offset, 0, kMaxInteger)), unwrap<Weight>(handle.value, handle.name).data()};
    const size_t bytes = qw_saved_bytes(placed.weight->weight);
    if (bytes == 0) throw invalid(env, handle.name + " is " + placed.weight->weight->codec->name + ", which is not saved.");
    if (placed.offset < end || placed.offset % QW_SAVED_ALIGNMENT != 0) {
      throw invalid(env, offset.name + " must be a multiple of 64 and at least " + std::to_string(end) + ", not " + std::to_string(placed.offset) + ".");
    }
    end = placed.offset + bytes;
    weights.push_back(std::move(placed));
  }
  return weights;
}

}  // namespace

Napi::Value restore_weight(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    const Bytes bytes = bytes_of(argument(info, 0, "restoreWeight", "range"), -1);
    if (bytes.mapping == nullptr) throw invalid(info.Env(), "restoreWeight: range must be of a MappedFile.");
    auto data = std::make_shared<WeightData>();
    data->mapping = bytes.mapping;
    return run_off_thread(
        info.Env(),
        [at = bytes.data, length = bytes.length, data] {
          data->mapping->will_need(at, length);
          return qw_weight_restore(at, length, &data->weight);
        },
        [data](Napi::Env env) -> Napi::Value { return make_object(env, env.GetInstanceData<Environment>()->weight, data); });
  });
}

Napi::Value save_weights(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    const Named path = argument(info, 0, "saveWeights", "path");
    if (!path.value.IsString()) throw invalid(info.Env(), path.name + " must be a string.");
    Array<uint8_t> head = unsigned_codes(argument(info, 1, "saveWeights", "head"), -1);
    std::vector<Placed> weights = placed_weights(argument(info, 2, "saveWeights", "weights"), head.length);
    return run_off_thread(
        info.Env(),
        [path = path.value.As<Napi::String>().Utf8Value(), data = head.data, length = head.length, weights = std::move(weights)] {
          return write_all(path, data, length, weights);
        },
        [keep = std::move(head.keep)](Napi::Env env) -> Napi::Value { return env.Undefined(); });
  });
}

Napi::Value hash_range(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    Bytes bytes = bytes_of(argument(info, 0, "hashRange", "range"), -1);
    auto hash = std::make_shared<uint64_t>(0);
    return run_off_thread(
        info.Env(),
        [data = bytes.data, length = bytes.length, mapping = bytes.mapping, hash] {
          if (mapping != nullptr) mapping->will_need(data, length);
          const PoolLease lease;
          *hash = qw_hash_pieces(data, length, lease.pool());
          return qw_ok();
        },
        [hash, keep = std::move(bytes.keep)](Napi::Env env) -> Napi::Value { return Napi::String::New(env, hexadecimal(*hash)); });
  });
}

Napi::String saved_layouts(Napi::Env env) { return Napi::String::New(env, hexadecimal(qw_saved_layouts())); }

}  // namespace quantwright
