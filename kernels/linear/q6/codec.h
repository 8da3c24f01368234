// Codec q6: the grouped layout (drawn in linear/grouped/grouped.h) with 4 low bits of 16 columns in two lines and their 2 high bits in a third: 192 bytes.
#pragma once
#include "linear/grouped/grouped.h"

extern const qw_codec qw_codec_q6;
extern const qw_grouped_kernels qw_q6_avx2;
extern const qw_grouped_kernels qw_q6_avxvnni;
extern const qw_grouped_kernels qw_q6_avx512;
extern const qw_grouped_kernels qw_q6_avx512vnni;
extern const qw_grouped_kernels qw_q6_neon;
extern const qw_grouped_kernels qw_q6_neondot;

qw_status qw_q6_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out);
