"""Other libraries' functions under the names of ours, for values: geoopt and hypll, both on torch."""

import functools

import numpy as np


def _tensors(args):
    import torch

    return [torch.from_numpy(np.ascontiguousarray(a)) for a in args]


def _geoopt_ball(method):
    def call(*args):
        import geoopt
        import torch

        *arrays, c = args
        with torch.no_grad():
            tensors = _tensors(arrays)
            ball = geoopt.PoincareBall(c=torch.tensor(c, dtype=tensors[0].dtype))
            return getattr(ball, method)(*tensors).numpy()

    return call


def _geoopt_hyperboloid(method):
    def call(*args):
        import geoopt
        import torch

        *arrays, c = args
        with torch.no_grad():
            tensors = _tensors(arrays)
            space = geoopt.Lorentz(k=torch.tensor(1 / c, dtype=tensors[0].dtype))  # its k is 1/c
            return getattr(space, method)(*tensors).numpy()

    return call


def _hypll(name):
    def call(*args):
        import torch
        from hypll.manifolds.poincare_ball.math import diffgeom

        *arrays, c = args
        with torch.no_grad():
            tensors = _tensors(arrays)
            return getattr(diffgeom, name)(*tensors, torch.tensor(c, dtype=tensors[0].dtype)).numpy()

    return call


PEERS = {
    "geoopt": {
        "poincare.dist": _geoopt_ball("dist"),
        "poincare.dist0": _geoopt_ball("dist0"),
        "poincare.exp": _geoopt_ball("expmap"),
        "poincare.exp0": _geoopt_ball("expmap0"),
        "poincare.log": _geoopt_ball("logmap"),
        "poincare.log0": _geoopt_ball("logmap0"),
        "poincare.mobius_add": _geoopt_ball("mobius_add"),
        "poincare.transport": _geoopt_ball("transp"),
        "poincare.egrad2rgrad": _geoopt_ball("egrad2rgrad"),
        "lorentz.dist": _geoopt_hyperboloid("dist"),
        "lorentz.exp": _geoopt_hyperboloid("expmap"),
        "lorentz.log": _geoopt_hyperboloid("logmap"),
        "lorentz.transport": _geoopt_hyperboloid("transp"),
    },
    "hypll": {
        "poincare.dist": _hypll("dist"),
        "poincare.exp": _hypll("expmap"),
        "poincare.exp0": _hypll("expmap0"),
        "poincare.log": _hypll("logmap"),
        "poincare.log0": _hypll("logmap0"),
        "poincare.mobius_add": _hypll("mobius_add"),
        "poincare.transport": _hypll("transp"),
    },
}


@functools.cache
def installed():
    """The peers that can be imported."""
    found = []
    for name in PEERS:
        try:
            __import__(name)
        except ImportError:
            continue
        found.append(name)
    return tuple(found)
