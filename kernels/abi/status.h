// Results of every call that can fail. No exceptions cross the C ABI.
#pragma once
#include <stdarg.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qw_code {
  QW_OK = 0,
  QW_INVALID_ARGUMENT = 1,
  QW_UNSUPPORTED = 2,
  QW_OUT_OF_MEMORY = 3,
  QW_IO = 4,
  QW_INTERNAL = 5,
} qw_code;

typedef struct qw_status {
  qw_code code;
  char message[248];  // what, where, what to do; empty when QW_OK
} qw_status;

static inline qw_status qw_ok(void) {
  qw_status status;
  status.code = QW_OK;
  status.message[0] = '\0';
  return status;
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static inline qw_status qw_error(qw_code code, const char* format, ...) {
  qw_status status;
  status.code = code;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(status.message, sizeof status.message, format, arguments);
  va_end(arguments);
  return status;
}

#ifdef __cplusplus
}
#endif
