// The kernels for processors with AVX-512 F, DQ, BW and VL.
#define MLPCORE_ISA_NAME "avx512"
#define MLPCORE_TABLE(T) avx512_##T
#include "table.inl"
