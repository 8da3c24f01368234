// The one place that distrusts a program. Every message names the op as "body[3] linear" and both numbers that disagree.
#include <cmath>
#include <cstdio>
#include <string>

#include "observe/observe.h"
#include "program/model.h"

namespace {

constexpr int64_t kMaxWidth = int64_t(1) << 24;     // no model is near it; keeps every product of sizes within int64
constexpr int64_t kMaxValues = int64_t(1) << 20;
constexpr int64_t kMaxOps = int64_t(1) << 20;

struct Checker {
  const qw_program_spec& spec;
  std::vector<bool> written;
  std::vector<int64_t> layers;
  std::vector<int32_t> slots;
  std::string where;
  qw_status status = qw_ok();

  explicit Checker(const qw_program_spec& s) : spec(s), written(size_t(s.value_count), false) {}

  bool fail(const std::string& words) {
    if (status.code == QW_OK) status = qw_error(QW_INVALID_ARGUMENT, "%s%s%s", where.c_str(), where.empty() ? "" : ": ", words.c_str());
    return false;
  }

  static std::string number(int64_t value) { return std::to_string(value); }
  int64_t width(int32_t value) const { return spec.widths[value]; }

  bool value_exists(const char* role, int32_t value) {
    if (value >= 0 && value < spec.value_count) return true;
    return fail(std::string(role) + " is value " + number(value) + ", but the program has values 0.." + number(spec.value_count - 1) + ".");
  }

  bool reads(const char* role, int32_t value) {
    if (!value_exists(role, value)) return false;
    return written[size_t(value)] || fail(std::string(role) + " reads value " + number(value) + " before any op has written it.");
  }

  bool writes(int32_t value) {
    if (!value_exists("out", value)) return false;
    written[size_t(value)] = true;
    return true;
  }

  bool width_is(const char* role, int32_t value, int64_t wanted, const char* because) {
    if (width(value) == wanted) return true;
    return fail(std::string(role) + " (value " + number(value) + ") is " + number(width(value)) + " wide, but " + because + " " + number(wanted) + ".");
  }

  bool differs(const char* role, int32_t value, int32_t out) {
    return value != out || fail(std::string("out must not be ") + role + " (value " + number(out) + ").");
  }

  bool vector_is(const qw_op& op, const char* name, int64_t wanted) {
    if (op.vector == nullptr) return fail(std::string(name) + " is missing.");
    return op.vector_length == wanted || fail(std::string(name) + " has " + number(op.vector_length) + " elements, but needs " + number(wanted) + ".");
  }

  bool heads_fit(const qw_op& op) {
    if (op.heads < 1 || op.head_dim < 1 || op.heads > kMaxWidth || op.head_dim > kMaxWidth) {
      return fail("heads (" + number(op.heads) + ") and headDim (" + number(op.head_dim) + ") must be at least 1.");
    }
    return true;
  }

  bool weight_given(const qw_op& op) { return op.weight != nullptr || fail("weight is missing."); }

  bool embed(const qw_op& op, bool in_head, int64_t index) {
    if (spec.input != QW_INPUT_TOKENS) return fail("embed needs a program whose input is tokens.");
    if (in_head || index != 0) return fail("embed must be the first op of the body, and the only one.");
    return weight_given(op) && writes(op.out) && width_is("out", op.out, op.weight->cols, "the table's rows are");
  }

  bool rmsnorm(const qw_op& op) {
    if (!reads("in", op.in[0]) || !writes(op.out) || !width_is("out", op.out, width(op.in[0]), "in is")) return false;
    if (!(op.number >= 0) || std::isinf(op.number)) return fail("eps must be a finite number, 0 or more.");
    const int64_t parts = op.heads == 0 ? 1 : op.heads;
    if (parts < 0 || width(op.in[0]) % parts != 0) return fail(number(parts) + " heads do not divide the width of in, " + number(width(op.in[0])) + ".");
    return vector_is(op, "weight", width(op.in[0]) / parts);
  }

  bool layernorm(const qw_op& op) {
    if (!reads("in", op.in[0]) || !writes(op.out) || !width_is("out", op.out, width(op.in[0]), "in is")) return false;
    if (!(op.number >= 0) || std::isinf(op.number)) return fail("eps must be a finite number, 0 or more.");
    return op.vector_length == 2 * width(op.in[0]) || vector_is(op, "weight", width(op.in[0]));
  }

  bool activate(const qw_op& op) {
    if (op.activation < QW_RELU || op.activation >= QW_ACTIVATION_COUNT) return fail("unknown activation.");
    if (!std::isfinite(op.number)) return fail("number must be finite.");
    if (op.activation == QW_SOFTCAP && !(op.number > 0)) return fail("softcap needs a number above 0.");
    return op.gated != 0 ? elementwise(op, "in", "up") : reads("in", op.in[0]) && writes(op.out) && width_is("out", op.out, width(op.in[0]), "in is");
  }

  bool slice(const qw_op& op) {
    if (!reads("in", op.in[0]) || !writes(op.out) || !differs("in", op.in[0], op.out)) return false;
    if (op.heads < 1 || op.heads > kMaxWidth || width(op.out) % op.heads != 0) return fail(number(op.heads) + " parts do not divide the width of out, " + number(width(op.out)) + ".");
    if (op.offset < 0 || op.window < 0 || op.offset > kMaxWidth || op.window > kMaxWidth) return fail("offset and stride must be 0 or more, and no wider than a value.");
    const int64_t end = op.offset + (op.heads - 1) * op.window + width(op.out) / op.heads;
    return end <= width(op.in[0]) || fail("the last part ends at column " + number(end) + ", but in has " + number(width(op.in[0])) + ".");
  }

  bool position(const qw_op& op, bool in_head) {
    if (in_head) return fail("position belongs in the body: the head does not know positions.");
    if (!weight_given(op) || !reads("in", op.in[0]) || !writes(op.out)) return false;
    if (op.offset < 0 || op.offset >= op.weight->rows) return fail("offset must be a row of the table, which has " + number(op.weight->rows) + ".");
    return width_is("in", op.in[0], op.weight->cols, "the table's rows are") && width_is("out", op.out, op.weight->cols, "the table's rows are");
  }

  bool linear(const qw_op& op) {
    return weight_given(op) && reads("in", op.in[0]) && writes(op.out) && differs("in", op.in[0], op.out) &&
           width_is("in", op.in[0], op.weight->cols, "the weight's cols are") && width_is("out", op.out, op.weight->rows, "the weight's rows are") &&
           (op.vector == nullptr || vector_is(op, "bias", op.weight->rows));
  }

  bool rope(const qw_op& op, bool in_head) {
    if (in_head) return fail("rope belongs in the body: the head does not know positions.");
    if (!reads("value", op.in[0]) || !heads_fit(op)) return false;
    if (op.head_dim % 2 != 0) return fail("headDim must be even, not " + number(op.head_dim) + ".");
    if (!std::isfinite(op.number)) return fail("attentionScale must be finite.");
    if (op.vector == nullptr || op.vector_length < 1 || op.vector_length > op.head_dim / 2) {
      return fail("inverseFrequency has " + number(op.vector_length) + " elements, but needs 1.." + number(op.head_dim / 2) + ".");
    }
    return width_is("value", op.in[0], op.heads * op.head_dim, "heads * headDim is");
  }

  bool attention(const qw_op& op, bool in_head) {
    if (in_head) return fail("attention belongs in the body: it must see every token.");
    if (!reads("q", op.in[0]) || !reads("k", op.in[1]) || !reads("v", op.in[2]) || !writes(op.out) || !heads_fit(op)) return false;
    if (op.kv_heads < 1 || op.heads % op.kv_heads != 0) {
      return fail("heads (" + number(op.heads) + ") must be a multiple of kvHeads (" + number(op.kv_heads) + ").");
    }
    if (op.window < 0) return fail("window must be 1 or more.");
    if (!std::isfinite(op.number)) return fail("scale must be finite.");
    if (!(op.softcap >= 0) || std::isinf(op.softcap)) return fail("softcap must be a finite number, 0 or more.");
    if (op.layer < 0) return fail("layer must be 0 or more, not " + number(op.layer) + ".");
    for (int64_t layer : layers) {
      if (layer == op.layer) return fail("cache layer " + number(op.layer) + " is used by another attention op already; each needs its own.");
    }
    layers.push_back(op.layer);
    const int64_t q_width = op.heads * op.head_dim, kv_width = op.kv_heads * op.head_dim;
    return differs("q", op.in[0], op.out) && differs("k", op.in[1], op.out) && differs("v", op.in[2], op.out) &&
           width_is("q", op.in[0], q_width, "heads * headDim is") && width_is("k", op.in[1], kv_width, "kvHeads * headDim is") &&
           width_is("v", op.in[2], kv_width, "kvHeads * headDim is") && width_is("out", op.out, q_width, "heads * headDim is");
  }

  bool elementwise(const qw_op& op, const char* first, const char* second) {
    return reads(first, op.in[0]) && reads(second, op.in[1]) && writes(op.out) && width_is(second, op.in[1], width(op.in[0]), (std::string(first) + " is").c_str()) &&
           width_is("out", op.out, width(op.in[0]), (std::string(first) + " is").c_str());
  }

  bool observe(const qw_op& op) {
    if (!reads("in", op.in[0])) return false;
    if (op.observe < QW_OBSERVE_ABSMAX || op.observe > QW_OBSERVE_HISTOGRAM) return fail("unknown kind of observer.");
    if (op.observe == QW_OBSERVE_HISTOGRAM && (op.bins < qw::kFewestBins || op.bins > qw::kMostBins || (op.bins & (op.bins - 1)) != 0)) {
      return fail("bins must be a power of two from " + number(qw::kFewestBins) + " to " + number(qw::kMostBins) + ", not " + number(op.bins) + ".");
    }
    if (op.slot < 0) return fail("slot must be 0 or more, not " + number(op.slot) + ".");
    for (int32_t slot : slots) {
      if (slot == op.slot) return fail("slot " + number(op.slot) + " is used by another observe op already.");
    }
    slots.push_back(op.slot);
    return true;
  }

  bool op(const qw_op& op, bool in_head, int64_t index) {
    switch (op.kind) {
      case QW_OP_EMBED: return embed(op, in_head, index);
      case QW_OP_RMSNORM: return rmsnorm(op);
      case QW_OP_LINEAR: return linear(op);
      case QW_OP_ROPE: return rope(op, in_head);
      case QW_OP_ATTENTION: return attention(op, in_head);
      case QW_OP_SILU_MUL: return elementwise(op, "gate", "up");
      case QW_OP_ADD: return elementwise(op, "a", "b");
      case QW_OP_OBSERVE: return observe(op);
      case QW_OP_LAYERNORM: return layernorm(op);
      case QW_OP_ACTIVATE: return activate(op);
      case QW_OP_SLICE: return slice(op);
      case QW_OP_POSITION: return position(op, in_head);
      default: return fail("unknown op.");
    }
  }

  bool ops(const qw_op* list, int64_t count, bool in_head) {
    for (int64_t i = 0; i < count; ++i) {
      where = std::string(in_head ? "head[" : "body[") + number(i) + "] " + qw::op_name(list[i].kind);
      if (!op(list[i], in_head, i)) return false;
    }
    where.clear();
    return true;
  }

  bool program() {
    if (spec.input == QW_INPUT_HIDDEN) written[0] = true;
    if (spec.input == QW_INPUT_TOKENS && (spec.body_count == 0 || spec.body[0].kind != QW_OP_EMBED)) {
      return fail("A program whose input is tokens must begin with an embed op.");
    }
    return ops(spec.body, spec.body_count, false) && ops(spec.head, spec.head_count, true) && reads("output", spec.output);
  }
};

}  // namespace

const char* qw::op_name(qw_op_kind kind) {
  static const char* const names[QW_OP_COUNT] = {"embed", "rmsnorm", "linear", "rope", "attention", "silu_mul", "add", "observe", "layernorm", "activate", "position", "slice"};
  return kind >= 0 && kind < QW_OP_COUNT ? names[kind] : "unknown";
}

qw_status qw::validate(const qw_program_spec& spec) {
  if (spec.value_count < 1 || spec.value_count > kMaxValues) return qw_error(QW_INVALID_ARGUMENT, "A program needs 1..%lld values.", (long long)kMaxValues);
  if (spec.body_count < 0 || spec.head_count < 0 || spec.body_count > kMaxOps || spec.head_count > kMaxOps) {
    return qw_error(QW_INVALID_ARGUMENT, "A program may have at most %lld ops.", (long long)kMaxOps);
  }
  for (int64_t i = 0; i < spec.value_count; ++i) {
    if (spec.widths[i] < 1 || spec.widths[i] > kMaxWidth) {
      return qw_error(QW_INVALID_ARGUMENT, "Value %lld is %lld wide; widths are 1..%lld.", (long long)i, (long long)spec.widths[i], (long long)kMaxWidth);
    }
  }
  Checker checker(spec);
  checker.program();
  return checker.status;
}
