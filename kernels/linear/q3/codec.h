// Codec q3: the grouped layout (drawn in linear/grouped/grouped.h) with 2 low bits of 16 columns a line and their high bit in half a line: 96 bytes.
#pragma once
#include "linear/grouped/grouped.h"

extern const qw_codec qw_codec_q3;
extern const qw_grouped_kernels qw_q3_avx2;
extern const qw_grouped_kernels qw_q3_avxvnni;
extern const qw_grouped_kernels qw_q3_avx512;
extern const qw_grouped_kernels qw_q3_avx512vnni;
extern const qw_grouped_kernels qw_q3_neon;
extern const qw_grouped_kernels qw_q3_neondot;

qw_status qw_q3_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out);
