"""Makes threadpoolctl know this package's threads, so that `threadpool_limits` and what builds on it hold for them."""

from __future__ import annotations

import threadpoolctl

from mlpcore import __version__


class ThreadTeamController(threadpoolctl.LibController):
    """Reads and sets how many threads the core takes where `n_threads` is None."""

    user_api = "mlpcore"
    internal_api = "mlpcore"
    filename_prefixes = ("_core",)
    check_symbols = ("mlpcore_get_num_threads", "mlpcore_set_num_threads")

    def get_num_threads(self) -> int:
        """Return the limit of this process."""
        return int(self.dynlib.mlpcore_get_num_threads())

    def set_num_threads(self, num_threads: int) -> None:
        """Set the limit of this process."""
        self.dynlib.mlpcore_set_num_threads(num_threads)

    def get_version(self) -> str:
        """Return the version of the package."""
        return __version__


def register() -> None:
    """Register the controller, if this threadpoolctl takes any (3.2 and later)."""
    if hasattr(threadpoolctl, "register"):
        threadpoolctl.register(ThreadTeamController)
