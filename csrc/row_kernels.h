/* dot and axpy of the running instruction set, for compiled Python modules: the capsule mlpcore._core.row_kernels. */
#pragma once
#include <stdint.h>

#define MLPCORE_ROW_KERNELS "mlpcore.row_kernels"

typedef struct {
  float (*dot_f32)(const float* a, const float* b, int64_t n);
  double (*dot_f64)(const double* a, const double* b, int64_t n);
  void (*axpy_f32)(float a, const float* x, float* y, int64_t n); /* y += a x */
  void (*axpy_f64)(double a, const double* x, double* y, int64_t n);
} mlpcore_row_kernels;
