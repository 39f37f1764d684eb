"""Damage done to files, the same for the same seed: flipped bits, cut ends, foreign bytes and lying sizes."""

from collections.abc import Iterator

import numpy as np


def mutations(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` damaged copies of `data`."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        damaged = bytearray(data)
        place = int(rng.integers(len(data)))
        match index % 8:
            case 0 | 1:  # one bit anywhere
                damaged[place] ^= 1 << int(rng.integers(8))
            case 2:  # some bits in the table of contents
                for _ in range(3):
                    damaged[-int(rng.integers(1, min(len(data), 600)))] ^= 1 << int(rng.integers(8))
            case 3:  # cut off
                del damaged[place:]
            case 4:  # a part is missing
                del damaged[place : place + int(rng.integers(1, 200))]
            case 5:  # bytes between
                damaged[place:place] = rng.bytes(int(rng.integers(1, 50)))
            case 6:  # a field of four bytes lies
                value = rng.choice(np.array([0, 1, 2**31 - 1, 2**32 - 1, len(data), 2 * len(data)], np.uint32))
                damaged[place : place + 4] = value.tobytes()
            case 7:  # a digit of a shape or a count lies
                digits = [i for i, byte in enumerate(data) if chr(byte).isdigit()]
                damaged[int(rng.choice(digits))] = int(rng.choice(list(b"0123456789-.")))
        yield bytes(damaged)
