// Keys by channel and values by token behind a window of unpacked rows. What is packed depends on the length alone, so that truncation can undo it.
//   packed   keys [kvHeads][capacity / 16][headDim] packs of 16 positions, parameters [kvHeads][capacity / groupSize][headDim];
//            values [kvHeads][capacity][stride / 16] packs of 16 channels, parameters [kvHeads][capacity][groups]
//   window   the last `room_` positions, position p in slot p % room_: keys [kvHeads][room / 16][headDim][16], values [kvHeads][room][stride]. It holds
//            kAttentionFewRows positions more than are not packed: to forget so many leaves no trace.
#include <exception>
#include <vector>

#include "attention/attention.h"
#include "cpu/parallel.h"
#include "cpu/pick.h"
#include "kv/kivi/kivi.h"
#include "kv/kivi/pack.h"
#include "kv/pages.h"

namespace {

using qw::KvPages;

constexpr int64_t kMaxHeadDim = 1024;

void widen(const float* x, int64_t count, float* out) { std::copy(x, x + count, out); }
void widen(const qw_half* x, int64_t count, float* out) { QW_PICK(qw::kivi_widen)(x, count, out); }

class Kivi : public qw::KvStore {
 public:
  virtual qw::KiviPacked packed() const = 0;
};

// Element: of the window, scales and minima.
template <typename Element>
class KiviStore : public Kivi {
 public:
  KiviStore(const qw_kv_spec& spec, const qw::KvLayer& layer)
      : key_bits_(spec.key_bits),
        value_bits_(spec.value_bits),
        prompt_packed_(spec.quantize_prefill != 0),
        heads_(layer.kv_heads),
        dim_(layer.head_dim),
        stride_(qw_cache_round(dim_)),
        group_(spec.group_size),
        value_group_(std::min(group_, dim_)),
        value_groups_(dim_ / value_group_),
        residual_(spec.residual_length),
        capacity_((layer.capacity + group_ - 1) / group_ * group_),
        least_room_(qw_cache_round(residual_ + kAttentionFewRows)),
        key_codes_(heads_ * capacity_ * dim_ * key_bits_ / 8),
        value_codes_(heads_ * capacity_ * stride_ * value_bits_ / 8),
        // 16 more: parameters are widened by whole vectors.
        key_parameters_((2 * key_parameter_count() + 16) * int64_t(sizeof(Element))),
        value_parameters_((2 * value_parameter_count() + 16) * int64_t(sizeof(Element))) {
    resize(least_room_);
  }

  void begin(int64_t rows, int64_t end) override {
    prompt_ = rows > kAttentionFewRows;
    run_end_ = end;
  }

  qw_status append(int64_t first, int64_t rows, const float* k, const float* v, qw_pool* pool) override {
    if (first < length_) forget(first);
    prompt_ = prompt_ || rows > kAttentionFewRows;
    run_end_ = std::max(run_end_, first + rows);
    const int64_t needed = first + rows - std::min(packed_keys_, packed_values_);
    try {
      if (needed > room_) resize(qw_cache_round(std::max(needed, std::min(2 * needed, run_end_ - std::min(packed_keys_, packed_values_)))));
    } catch (const std::exception&) {
      return qw_error(QW_OUT_OF_MEMORY, "No memory for the %lld positions of a prompt that are not packed yet; use a shorter prompt or quantize its prefill.",
                      (long long)needed);
    }
    const int64_t width = heads_ * dim_, before = first % kCacheBlock;
    // Whole blocks of positions: two threads never write to one cache line of keys.
    qw::parallel(pool, before + rows, qw_cache_round(2048 / width + 1), [&](int64_t from, int64_t to, int) {
      for (int64_t r = std::max<int64_t>(from - before, 0); r < to - before; ++r) {
        for (int64_t head = 0; head < heads_; ++head) write(head, first + r, k + r * width + head * dim_, v + r * width + head * dim_);
      }
    });
    length_ = first + rows;
    window_begin_ = std::max(window_begin_, length_ - room_);
    if (prompt_ && prompt_packed_) {
      pack(std::min(run_end_ / residual_ * residual_, length_ / group_ * group_), std::min(run_end_ - residual_, length_), pool);
    }
    return qw_ok();
  }

  void settle(int64_t length, int64_t remaining, qw_pool* pool) override {
    if (prompt_ && remaining > 0) return;
    pack(length / residual_ * residual_, length - residual_, pool);
    if (remaining > 0) return;
    prompt_ = false;
    run_end_ = 0;
    try {
      if (room_ > least_room_) resize(least_room_);
    } catch (const std::exception&) {  // no memory to copy into: the window stays as large as it is
    }
  }

  void truncate(int64_t length) override {
    if (length < length_) forget(length);
    prompt_ = false;
    run_end_ = 0;
  }
  bool depends_on_order() const override { return true; }
  size_t bytes() const override {
    return key_codes_.bytes() + value_codes_.bytes() + key_parameters_.bytes() + value_parameters_.bytes() + window_keys_.bytes() + window_values_.bytes();
  }
  qw::KiviPacked packed() const override { return {packed_keys_, packed_values_}; }

  void keys(int64_t head, int64_t first, int64_t count, float* out) const override {
    read_keys(head, first, count, packed_keys_, out);
    const int64_t last = (first + count + kCacheBlock - 1) / kCacheBlock * kCacheBlock, held = std::max(first, length_);
    for (int64_t p = held; p < last; ++p) {
      float* lane = out + (p - first) / kCacheBlock * kCacheBlock * dim_ + p % kCacheBlock;
      for (int64_t d = 0; d < dim_; ++d) lane[d * kCacheBlock] = 0;
    }
  }
  void values(int64_t head, int64_t first, int64_t count, float* out) const override { read_values(head, first, count, packed_values_, out); }

  // The kernels know windows of f16, and shift by the packs of a group.
  bool meets_few_rows() const override {
    const int64_t packs = value_group_ / 16;
    return sizeof(Element) == sizeof(qw_half) && (value_groups_ == 1 || (packs & (packs - 1)) == 0);
  }
  void scores(int64_t head, int64_t first, int64_t count, const qw::KvRows& rows) const override {
    qw::KiviScores* kernel = QW_PICK(qw::kivi_scores);
    float scale[kMaxHeadDim], minimum[kMaxHeadDim];
    for (int64_t p = first; p < first + count;) {
      const qw::KvRows here{rows.count, rows.q, rows.scores + p - first};
      if (p >= packed_keys_) {
        kernel(16, reinterpret_cast<const uint8_t*>(window_block(head, p)), {}, dim_, 1, here);
        p += kCacheBlock;
        continue;
      }
      const int64_t end = std::min((p / group_ + 1) * group_, first + count);
      widen(key_scales(head, p), stride_, scale);
      widen(key_scales(head, p) + key_parameter_count(), stride_, minimum);
      kernel(key_bits_, key_block(head, p), {scale, minimum}, dim_, (end - p) / kCacheBlock, here);
      p = end;
    }
  }
  void add_values(int64_t head, int64_t first, int64_t count, const qw::KvSums& rows) const override {
    qw::KiviSums* kernel = QW_PICK(qw::kivi_sums);
    constexpr int64_t most = 256;
    float scale[most + kCacheBlock], minimum[most + kCacheBlock];
    const int64_t end = first + count, group_packs = (value_group_ + 15) / 16, together = std::max<int64_t>(most / value_groups_, 1);
    for (int64_t p = first; p < end;) {
      const qw::KvSums here{rows.count, rows.weights + p - first, rows.out};
      int64_t step;
      if (p < packed_values_) {
        step = std::min(together, std::min(end, packed_values_) - p);
        widen(value_scales(head, p), qw_cache_round(step * value_groups_), scale);
        widen(value_scales(head, p) + value_parameter_count(), qw_cache_round(step * value_groups_), minimum);
        kernel(value_bits_, value_row(head, p), {scale, minimum}, group_packs, stride_ / 16, step, here);
      } else {
        step = std::min(end - p, room_ - p % room_);
        kernel(16, reinterpret_cast<const uint8_t*>(window_row(head, p)), {}, group_packs, stride_ / 16, step, here);
      }
      p += step;
    }
    for (int64_t r = 0; r < rows.count; ++r) std::fill(rows.out + r * stride_ + dim_, rows.out + (r + 1) * stride_, 0.0f);
  }

 private:
  int64_t key_parameter_count() const { return heads_ * capacity_ / group_ * dim_; }
  int64_t value_parameter_count() const { return heads_ * capacity_ * value_groups_; }
  uint8_t* key_block(int64_t head, int64_t p) const { return key_codes_.at<uint8_t>((head * capacity_ + p) / kCacheBlock * dim_ * 2 * key_bits_); }
  uint8_t* value_row(int64_t head, int64_t p) const { return value_codes_.at<uint8_t>((head * capacity_ + p) * (stride_ / 8) * value_bits_); }
  // Scales; minima lie so many behind them.
  Element* key_scales(int64_t head, int64_t p) const { return key_parameters_.at<Element>((head * capacity_ + p) / group_ * dim_); }
  Element* value_scales(int64_t head, int64_t p) const { return value_parameters_.at<Element>((head * capacity_ + p) * value_groups_); }
  Element* window_block(int64_t head, int64_t p) const { return window_keys_.at<Element>((head * room_ + p % room_) / kCacheBlock * kCacheBlock * dim_); }
  Element* window_row(int64_t head, int64_t p) const { return window_values_.at<Element>((head * room_ + p % room_) * stride_); }

  void write(int64_t head, int64_t p, const float* k, const float* v) { write_key(head, p, k, 1), write_value(head, p, v); }
  void write_key(int64_t head, int64_t p, const float* k, int64_t step) {
    Element* key = window_block(head, p) + p % kCacheBlock;
    for (int64_t d = 0; d < dim_; ++d) qw::kivi_round(k[d * step], key[d * kCacheBlock]);
  }
  void write_value(int64_t head, int64_t p, const float* v) {
    Element* value = window_row(head, p);
    for (int64_t d = 0; d < dim_; ++d) qw::kivi_round(v[d], value[d]);
  }

  // Blocks before `packed` are unpacked, others come from the window.
  void read_keys(int64_t head, int64_t first, int64_t count, int64_t packed, float* out) const {
    qw::KiviKeys* kernel = QW_PICK(qw::kivi_keys);
    float scale[kMaxHeadDim], minimum[kMaxHeadDim];
    for (int64_t p = first; p < first + count; p += kCacheBlock, out += kCacheBlock * dim_) {
      if (p >= packed) {
        widen(window_block(head, p), kCacheBlock * dim_, out);
        continue;
      }
      if (p == first || p % group_ == 0) {
        widen(key_scales(head, p), stride_, scale);
        widen(key_scales(head, p) + key_parameter_count(), stride_, minimum);
      }
      kernel(key_bits_, key_block(head, p), {scale, minimum}, dim_, out);
    }
  }

  void read_values(int64_t head, int64_t first, int64_t count, int64_t packed, float* out) const {
    qw::KiviValues* kernel = QW_PICK(qw::kivi_values);
    constexpr int64_t most = 256;
    float scale[most + kCacheBlock], minimum[most + kCacheBlock];
    const int64_t end = first + count, group_packs = (value_group_ + 15) / 16, together = std::max<int64_t>(most / value_groups_, 1);
    for (int64_t p = first; p < std::min(end, packed);) {
      const int64_t rows = std::min(together, std::min(end, packed) - p);
      widen(value_scales(head, p), qw_cache_round(rows * value_groups_), scale);
      widen(value_scales(head, p) + value_parameter_count(), qw_cache_round(rows * value_groups_), minimum);
      for (int64_t r = 0; r < rows; ++r, ++p, out += stride_) {
        kernel(value_bits_, value_row(head, p), {scale + r * value_groups_, minimum + r * value_groups_}, group_packs, stride_ / 16, out);
        std::fill(out + dim_, out + stride_, 0.0f);
      }
    }
    for (int64_t p = std::max(first, packed); p < end; ++p, out += stride_) widen(window_row(head, p), stride_, out);
  }

  void pack(int64_t keys_end, int64_t values_end, qw_pool* pool) {
    const int64_t groups = (keys_end - packed_keys_) / group_;
    if (groups > 0) {
      qw::parallel(pool, heads_ * groups, 1, [&](int64_t from, int64_t to, int) {
        for (int64_t u = from; u < to; ++u) pack_keys(u / groups, packed_keys_ + u % groups * group_);
      });
      packed_keys_ += groups * group_;
    }
    const int64_t rows = values_end - packed_values_;
    if (rows <= 0) return;
    qw::parallel(pool, rows, 2048 / (heads_ * dim_) + 1, [&](int64_t from, int64_t to, int) {
      for (int64_t p = packed_values_ + from; p < packed_values_ + to; ++p) {
        for (int64_t head = 0; head < heads_; ++head) pack_value(head, p);
      }
    });
    packed_values_ = values_end;
  }

  void pack_keys(int64_t head, int64_t first) {
    // 16 positions at a time would need two passes: at most 128 KiB for groups of 128 positions of 256 channels.
    std::vector<float> x(size_t(group_ * dim_));
    read_keys(head, first, group_, 0, x.data());
    for (int64_t d = 0; d < dim_; ++d) {
      Element* scale = key_scales(head, first) + d;
      qw::kivi_pack_group(key_bits_, &x[size_t(d * kCacheBlock)], group_, kCacheBlock * dim_, key_block(head, first) + d * 2 * key_bits_,
                          dim_ * 2 * key_bits_, scale, scale + key_parameter_count());
    }
  }

  void pack_value(int64_t head, int64_t p) {
    float x[kMaxHeadDim];
    read_values(head, p, 1, 0, x);
    for (int64_t group = 0; group < value_groups_; ++group) {
      const int64_t d = group * value_group_;
      Element* scale = value_scales(head, p) + group;
      qw::kivi_pack_group(value_bits_, x + d, value_group_, kCacheBlock, value_row(head, p) + d / 16 * 2 * value_bits_, 2 * value_bits_, scale,
                          scale + value_parameter_count());
    }
  }

  // Positions that become the last ones and lie before the window are unpacked into it.
  void forget(int64_t length) {
    const int64_t keys = std::min(packed_keys_, length / residual_ * residual_), values = std::min(packed_values_, std::max<int64_t>(length - residual_, 0));
    const int64_t from = std::min(keys, values), to = std::min(window_begin_, length);
    std::vector<float> block(size_t(from < to ? kCacheBlock * stride_ : 0));
    for (int64_t head = 0; head < heads_ && from < to; ++head) {
      for (int64_t first = from / kCacheBlock * kCacheBlock; first < to; first += kCacheBlock) {
        const int64_t last = std::min(first + kCacheBlock, to);
        read_keys(head, first, kCacheBlock, packed_keys_, block.data());
        for (int64_t p = std::max(first, from); p < last; ++p) write_key(head, p, &block[size_t(p - first)], kCacheBlock);
        read_values(head, first, last - first, packed_values_, block.data());
        for (int64_t p = std::max(first, from); p < last; ++p) write_value(head, p, &block[size_t((p - first) * stride_)]);
      }
    }
    // Without rows to unpack the window begins where it did, or at the end of what is left.
    window_begin_ = std::min(window_begin_, from);
    packed_keys_ = keys;
    packed_values_ = values;
    length_ = length;
  }

  // Keeps the last `room` positions. Throws std::bad_alloc and leaves everything as it was.
  void resize(int64_t room) {
    KvPages keys(heads_ * room * dim_ * int64_t(sizeof(Element))), values(heads_ * room * stride_ * int64_t(sizeof(Element)));
    const int64_t old_room = room_, begin = std::max(window_begin_, length_ - room);
    for (int64_t head = 0; head < heads_; ++head) {
      for (int64_t p = begin; p < length_; ++p) {
        room_ = old_room;
        const Element *key = window_block(head, p) + p % kCacheBlock, *value = window_row(head, p);
        room_ = room;
        const int64_t slot = head * room + p % room;
        Element* to = keys.at<Element>(slot / kCacheBlock * kCacheBlock * dim_ + p % kCacheBlock);
        for (int64_t d = 0; d < dim_; ++d) to[d * kCacheBlock] = key[d * kCacheBlock];
        std::copy(value, value + stride_, values.at<Element>(slot * stride_));
      }
    }
    room_ = room;
    window_begin_ = begin;
    window_keys_.swap(keys);
    window_values_.swap(values);
  }

  int key_bits_, value_bits_;
  bool prompt_packed_;
  int64_t heads_, dim_, stride_, group_, value_group_, value_groups_, residual_, capacity_, least_room_;
  KvPages key_codes_, value_codes_, key_parameters_, value_parameters_, window_keys_, window_values_;
  int64_t room_ = 0;
  int64_t length_ = 0, packed_keys_ = 0, packed_values_ = 0, window_begin_ = 0;
  // Of the run under way: whether it is a prompt, whose rows see what its earlier rows were, and where it ends.
  bool prompt_ = false;
  int64_t run_end_ = 0;
};

}  // namespace

qw_status qw::check_kivi_spec(const qw_kv_spec& spec) {
  for (const int bits : {spec.key_bits, spec.value_bits}) {
    if (bits != 2 && bits != 4) return qw_error(QW_INVALID_ARGUMENT, "A KIVI cache has 2 or 4 bits, not %d.", bits);
  }
  if (spec.type != QW_F32 && spec.type != QW_F16) return qw_error(QW_INVALID_ARGUMENT, "Scales and recent rows of a KIVI cache are f16 or f32.");
  if (spec.group_size < 16 || spec.group_size % 16 != 0) {
    return qw_error(QW_INVALID_ARGUMENT, "Groups of a KIVI cache are a multiple of 16 tokens, not %lld; use group_size 32 or 64.", (long long)spec.group_size);
  }
  if (spec.residual_length < spec.group_size || spec.residual_length % spec.group_size != 0) {
    return qw_error(QW_INVALID_ARGUMENT, "residual_length of a KIVI cache is a multiple of group_size (%lld) of at least that, not %lld.",
                    (long long)spec.group_size, (long long)spec.residual_length);
  }
  return qw_ok();
}

qw_status qw::check_kivi_layer(const qw_kv_spec& spec, const KvLayer& layer) {
  if (layer.head_dim > kMaxHeadDim) {
    return qw_error(QW_INVALID_ARGUMENT, "A KIVI cache takes heads of at most %lld channels, not %lld.", (long long)kMaxHeadDim, (long long)layer.head_dim);
  }
  if (spec.group_size < layer.head_dim && layer.head_dim % spec.group_size != 0) {
    return qw_error(QW_INVALID_ARGUMENT, "group_size %lld of a KIVI cache does not divide the %lld channels of a head; use a divisor, or at least %lld.",
                    (long long)spec.group_size, (long long)layer.head_dim, (long long)layer.head_dim);
  }
  return qw_ok();
}

std::unique_ptr<qw::KvStore> qw::make_kivi_store(const qw_kv_spec& spec, const KvLayer& layer) {
  if (spec.type == QW_F32) return std::make_unique<KiviStore<float>>(spec, layer);
  return std::make_unique<KiviStore<qw_half>>(spec, layer);
}

qw::KiviPacked qw::kivi_packed(const KvStore& store) { return static_cast<const Kivi&>(store).packed(); }
