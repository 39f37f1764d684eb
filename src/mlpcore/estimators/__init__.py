"""Estimators with scikit-learn's names; each trains by recording a tape for the C++ core."""

from mlpcore._thread_limits import register

register()
