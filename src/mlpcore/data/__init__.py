"""What fit, evaluate and predict take: arrays in memory, or batches that arrive one by one."""

from mlpcore.data.arrays import (
    Array,
    Batch,
    as_array,
    as_arrays,
    class_weights_of_rows,
    count_rows,
    is_array_like,
    is_stream,
    split_off_last,
    unpack,
)
from mlpcore.data.sources import ArrayRows, BatchStream, PyDataset, Source, source_of

__all__ = [
    "Array",
    "ArrayRows",
    "Batch",
    "BatchStream",
    "PyDataset",
    "Source",
    "as_array",
    "as_arrays",
    "class_weights_of_rows",
    "count_rows",
    "is_array_like",
    "is_stream",
    "source_of",
    "split_off_last",
    "unpack",
]
