// Codec q4: the grouped layout (drawn in linear/grouped/grouped.h) with two 4-bit codes a byte, 8 columns of 16 rows in a 64-byte line.
#pragma once
#include "linear/grouped/grouped.h"

extern const qw_codec qw_codec_q4;
extern const qw_grouped_kernels qw_q4_avx2;
extern const qw_grouped_kernels qw_q4_avxvnni;
extern const qw_grouped_kernels qw_q4_avx512;
extern const qw_grouped_kernels qw_q4_avx512vnni;
extern const qw_grouped_kernels qw_q4_neon;
extern const qw_grouped_kernels qw_q4_neondot;

qw_status qw_q4_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out);
