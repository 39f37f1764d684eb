"""Locks on files that the system releases when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_held: set[int] = set()  # descriptors that hold a lock in this process


def _forget_after_fork() -> None:
    """Close the child's copies: a lock lives as long as any process has the descriptor open."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


class FileLock:
    """An exclusive lock on a file, which is made if need be.

    The system gives it back when the process ends, also by kill -9; so a lock that can be had has no living holder.
    (flock: locks of one process exclude each other too. It works across machines on NFSv4.)

    Parameters
    ----------
    path : str or path-like
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._descriptor: int | None = None

    def acquire(self, wait: bool = True) -> bool:
        """Take the lock; without `wait`, return False if someone else has it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        _held.add(descriptor)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; harmless without it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor in _held:  # else this is a fork's copy, closed already
            _held.discard(descriptor)
            os.close(descriptor)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock during a block."""
        self.acquire()
        try:
            yield
        finally:
            self.release()


def is_held(path: str | os.PathLike[str]) -> bool:
    """Tell whether a living process (this one included) holds the lock on a file."""
    if not os.path.exists(path):
        return False
    lock = FileLock(path)
    free = lock.acquire(wait=False)
    lock.release()
    return not free
