// The kernels for processors with AVX2 and FMA.
#define MLPCORE_ISA_NAME "avx2"
#define MLPCORE_TABLE(T) avx2_##T
#include "table.inl"
