// Codec q2: the grouped layout (drawn in linear/grouped/grouped.h) with four 2-bit codes a byte, 16 columns of 16 rows in a 64-byte line.
#pragma once
#include "linear/grouped/grouped.h"

extern const qw_codec qw_codec_q2;
extern const qw_grouped_kernels qw_q2_avx2;
extern const qw_grouped_kernels qw_q2_avxvnni;
extern const qw_grouped_kernels qw_q2_avx512;
extern const qw_grouped_kernels qw_q2_avx512vnni;
extern const qw_grouped_kernels qw_q2_neon;
extern const qw_grouped_kernels qw_q2_neondot;

qw_status qw_q2_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out);
