// Codec q5: the grouped layout (drawn in linear/grouped/grouped.h) with 4 low bits of 16 columns in two lines and their high bit in half a line: 160 bytes.
#pragma once
#include "linear/grouped/grouped.h"

extern const qw_codec qw_codec_q5;
extern const qw_grouped_kernels qw_q5_avx2;
extern const qw_grouped_kernels qw_q5_avxvnni;
extern const qw_grouped_kernels qw_q5_avx512;
extern const qw_grouped_kernels qw_q5_avx512vnni;
extern const qw_grouped_kernels qw_q5_neon;
extern const qw_grouped_kernels qw_q5_neondot;

qw_status qw_q5_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out);
