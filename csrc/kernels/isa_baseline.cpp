// The kernels for any processor of the architecture (SSE2 on x86-64, NEON on aarch64).
#define MLPCORE_ISA_NAME "baseline"
#define MLPCORE_TABLE(T) baseline_##T
#include "table.inl"
