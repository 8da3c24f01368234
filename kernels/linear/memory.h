// Aligned memory of packed weights. Large blocks ask for huge pages: streaming a weight then misses the TLB 512 times less.
#pragma once
#include <stddef.h>

// At least 64-byte aligned, NULL when out of memory; free with qw_weight_memory_free.
void* qw_weight_memory(size_t bytes);
void qw_weight_memory_free(void* memory);
