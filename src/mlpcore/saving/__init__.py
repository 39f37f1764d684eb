"""Saving and loading: models, weights, estimators and the state of a training that goes on later.

>>> from mlpcore.saving import read_container, write_container
"""
