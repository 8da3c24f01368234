#include "affine_source.h"

#include <algorithm>

#include "errors.h"
#include "pack/pack.h"

namespace quantwright {

namespace {

bool is_array(const Named& value) { return !value.value.IsObject() || value.value.IsTypedArray() || value.value.IsArray(); }

// Int8Array, Uint8Array or StoredCodes.
Source codes_of(const Named& value, const qw_affine& affine, int64_t count, qw_codes* out) {
  if (is_array(value)) {
    bool is_signed = false;
    Array<uint8_t> given = codes(value, count, &is_signed);
    *out = {QW_CODES_BYTES, 8, is_signed ? 1 : 0, given.data};
    return {nullptr, given.data, given.length, std::move(given.keep)};
  }
  constexpr qw_code_layout layouts[] = {QW_CODES_BYTES, QW_CODES_GPTQ, QW_CODES_ROWS, QW_CODES_FIELDS, QW_CODES_AWQ, QW_CODES_PLANES};
  out->layout = layouts[choice(field(value, "layout"), {"bytes", "gptq", "rows", "fields", "awq", "planes"})];
  out->is_signed = flag(field(value, "signed"), false) ? 1 : 0;
  const bool planes = out->layout == QW_CODES_PLANES;
  const Named bits = field(value, "bits");
  out->bits = int(integer(bits, planes ? 1 : 2, 8));
  if (planes && out->bits > 4 && out->bits != 8) {
    throw invalid(value.value.Env(), bits.name + " of planes must be 1, 2, 3, 4 or 8, not " + std::to_string(out->bits) + ".");
  }
  const int64_t wanted = out->layout == QW_CODES_BYTES ? count
                         : planes ? qw_plane_codes(affine.rows, affine.cols, affine.group_size, out->bits) * qw_plane_word_bytes(out->bits)
                         : out->layout == QW_CODES_AWQ ? affine.cols * ((affine.rows + 7) / 8) * 4
                         : out->layout == QW_CODES_FIELDS ? qw_field_words(affine.cols, out->bits) * affine.rows * 4
                                                       : qw_pack_words(affine.cols, out->bits) * affine.rows * 4;
  Source source = source_of(bytes_of(field(value, "data"), wanted));
  out->data = source.data;
  return source;
}

// Float32Array or StoredParameters.
Source params_of(const Named& value, int64_t count, qw_params* out) {
  if (is_array(value)) {
    Array<float> given = floats(value, count);
    *out = {QW_F32, 0, given.data};
    return {nullptr, given.data, given.length * sizeof(float), std::move(given.keep)};
  }
  out->type = type_of(field(value, "type"));
  out->by_group = choice(field(value, "order"), {"rows", "groups"});
  Source source = source_of(bytes_of(field(value, "data"), count * (out->type == QW_F32 ? 4 : 2)));
  out->data = source.data;
  return source;
}

}  // namespace

Affine affine_of(Napi::Env env, const Named& spec) {
  Affine read;
  qw_affine& affine = read.affine;
  affine.rows = integer(field(spec, "rows"), 1, kMaxDimension);
  affine.cols = integer(field(spec, "cols"), 1, kMaxDimension);
  const Named group_size = field(spec, "groupSize");
  affine.group_size = integer(group_size, -1, kMaxDimension);
  if (affine.group_size == 0) throw invalid(env, group_size.name + " must be -1 or at least 1, not 0.");
  if (affine.group_size == -1) affine.group_size = affine.cols;
  affine.group_size = std::min(affine.group_size, affine.cols);
  const int64_t groups = (affine.cols + affine.group_size - 1) / affine.group_size;
  const int64_t count = elements(env, spec.name, affine.rows, affine.cols);
  read.codes = codes_of(field(spec, "codes"), affine, count, &affine.codes);
  read.scale = params_of(field(spec, "scale"), affine.rows * groups, &affine.scale);
  read.zero = params_of(field(spec, "zero"), affine.rows * groups, &affine.zero);
  const Named g_idx = field(spec, "gIdx");
  if (!absent(g_idx)) {
    read.g_idx = integers(g_idx, affine.cols);
    for (int64_t i = 0; i < affine.cols; ++i) {
      const int32_t group = read.g_idx.data[i];
      if (group < 0 || group >= groups) {
        throw invalid(env, g_idx.name + "[" + std::to_string(i) + "] is " + std::to_string(group) + ", but groups are 0.." + std::to_string(groups - 1) + ".");
      }
    }
  }
  affine.g_idx = read.g_idx.data;
  affine.scale_type = type_of(field(spec, "scaleType"));
  return read;
}

void will_need(const Affine& affine) {
  for (const Source* source : {&affine.codes, &affine.scale, &affine.zero}) {
    if (source->mapping != nullptr) source->mapping->will_need(source->data, source->length);
  }
}

}  // namespace quantwright
