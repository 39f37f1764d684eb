"""Every example in a docstring runs."""

import doctest
import importlib
import pkgutil

import pytest

import mlpcore

MODULES = [
    module.name
    for module in pkgutil.walk_packages(mlpcore.__path__, "mlpcore.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["mlpcore", *MODULES])
def test_docstring_examples_run(name):
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=options)
    assert failed == 0
