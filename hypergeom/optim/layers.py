"""Gradients through layers by one backward sweep of hand-derived cotangents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from hypergeom._rows import Array
from hypergeom.optim.trees import Tree

__all__ = ["layered"]

Forward: TypeAlias = Callable[[Tree, Any], Any]
Backward: TypeAlias = Callable[[Any, Tree, Any], tuple[Tree, Any]]
Loss: TypeAlias = Callable[[Any, Any], tuple[float | Array, Any]]


def layered(
    layers: Mapping[str, tuple[Forward, Backward]], loss: Loss, /, *, checkpoint_every: int = 1
) -> Callable[[Mapping[str, Tree], tuple[Any, Any]], tuple[float | Array, dict[str, Tree]]]:
    r"""A cost with its gradient, of parameters on any manifolds, from layers that know their cotangents.

    With :math:`h_k = f_k(p_k, h_{k-1})`, the gradient of the loss of the last :math:`h` in all :math:`p_k` is found
    from the end: the VJP of layer k takes the cotangent of :math:`h_k` to those of :math:`p_k` and :math:`h_{k-1}`.
    The cotangents are Euclidean; each manifold of `minimize` then makes gradients, momenta and steps of its own of
    them, which is all that backpropagation along geodesics is.

    Parameters
    ----------
    layers : dict of pairs of callables
        In order, for each name ``forward(p, h)``, and ``vjp(g, p, h)``, a pair with the cotangents of p and h.
    loss : callable
        ``loss(h, target)``, a pair with the value and its gradient in h.
    checkpoint_every : int
        Keep only every k-th of the :math:`h`, and compute those between again on the way back, a stretch at a time.

    Returns
    -------
    callable
        ``f(params, (h0, target))``, a pair with the value and the gradient, a dict like params: the cost of `minimize`
        with ``gradient=True`` and a `batch` of pairs.

    Raises
    ------
    ValueError
        There is no layer, `checkpoint_every` is below 1, or (by f) `params` has other names than `layers`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.optim import layered
    >>> linear = (lambda W, h: h @ W, lambda g, W, h: (h.T @ g, g @ W.T))
    >>> square = (lambda h, y: (((h - y) ** 2).sum() / 2, h - y))
    >>> f = layered({"one": linear, "two": linear}, square)
    >>> value, gradient = f({"one": np.eye(2), "two": 2 * np.eye(2)}, (np.ones((3, 2)), np.zeros((3, 2))))
    >>> float(value), gradient["one"].tolist()
    (12.0, [[12.0, 12.0], [12.0, 12.0]])
    """
    names = list(layers)
    if not names:
        raise ValueError("layered: needs at least one layer")
    if checkpoint_every < 1:
        raise ValueError(f"layered: checkpoint_every must be at least 1, got {checkpoint_every!r}")

    def forward(params: Mapping[str, Tree], k: int, h: Any) -> Any:
        return layers[names[k]][0](params[names[k]], h)

    def f(params: Mapping[str, Tree], batch: tuple[Any, Any]) -> tuple[float | Array, dict[str, Tree]]:
        if set(params) != set(names):
            raise ValueError(f"layered: needs parameters named {names}, got {list(params)}")
        h, target = batch
        kept = {}
        for k in range(len(names)):
            if k % checkpoint_every == 0:
                kept[k] = h
            h = forward(params, k, h)
        value, g = loss(h, target)
        found = {}
        for start in sorted(kept, reverse=True):
            inputs = [kept.pop(start)]
            for k in range(start, min(start + checkpoint_every, len(names)) - 1):
                inputs.append(forward(params, k, inputs[-1]))
            for k in range(start + len(inputs) - 1, start - 1, -1):
                found[names[k]], g = layers[names[k]][1](g, params[names[k]], inputs.pop())
        return value, {name: found[name] for name in params}

    return f
