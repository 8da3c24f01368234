// Codec q8: the grouped layout (drawn in linear/grouped/grouped.h) with one code a byte, 4 columns of 16 rows in a 64-byte line.
#pragma once
#include "linear/grouped/grouped.h"

extern const qw_codec qw_codec_q8;
extern const qw_grouped_kernels qw_q8_avx2;
extern const qw_grouped_kernels qw_q8_avxvnni;
extern const qw_grouped_kernels qw_q8_avx512;
extern const qw_grouped_kernels qw_q8_avx512vnni;
extern const qw_grouped_kernels qw_q8_neon;
extern const qw_grouped_kernels qw_q8_neondot;

qw_status qw_q8_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out);
