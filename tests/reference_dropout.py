"""The NumPy oracle of dropout's random numbers: Philox4x32-10, and which elements it keeps."""

from __future__ import annotations

import numpy as np

LOW = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)


def philox(counter, key):
    """The four random words (each an array) of a counter of four words (integers or arrays) and a key of two."""
    c = [np.asarray(word, np.uint64) for word in np.broadcast_arrays(*counter)]
    k = list(key)
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> SHIFT) ^ c[1] ^ np.uint64(k[0]), b & LOW, (a >> SHIFT) ^ c[3] ^ np.uint64(k[1]), a & LOW]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


def kept(seed, step, op, rows, width, rate):
    """Which elements of (rows, width) a dropout keeps: word row % 4 at the counter (column, row // 4, step, op)."""
    r = np.arange(rows)[:, None]
    words = philox((np.arange(width)[None, :], r // 4, step, op), (seed % 2**32, seed >> 32))
    chosen = np.choose(r % 4, words)
    return chosen >= np.uint64(rate * 2**32)
