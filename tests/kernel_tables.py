"""The instruction sets that have a table of kernels of their own, on this processor."""

from mlpcore import _core

ISAS = [isa for isa in _core.available_isas() if isa != "amx"]  # whose table is that of avx512
