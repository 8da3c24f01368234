// Memory of bands. The system clears pages before it hands them out, which costs as much as rounding into them does; two blocks therefore wait for the next
// matrix of about their size.
#pragma once
#include <stddef.h>

namespace qw {

// At least 64-byte aligned, with anything inside; nullptr when out of memory. Any thread.
char* take_band(size_t bytes);
// Of take_band, with the same `bytes`; nullptr does nothing. At most two blocks of up to 32 MiB are kept.
void keep_band(char* data, size_t bytes);

}  // namespace qw
