// The one place that includes BLAS and LAPACK headers.
#ifndef REPSCORE_CORE_BACKEND_CPU_BLAS_H_
#define REPSCORE_CORE_BACKEND_CPU_BLAS_H_

#include <cblas.h>
#include <lapack.h>

#endif  // REPSCORE_CORE_BACKEND_CPU_BLAS_H_
