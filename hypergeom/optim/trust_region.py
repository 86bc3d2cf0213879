"""The trust-region method of truncated conjugate gradients on manifolds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from hypergeom.optim.descent import Move, Stalled
from hypergeom.optim.objective import Iterate, Objective, all_finite
from hypergeom.optim.parameters import check_count, check_range
from hypergeom.optim.spaces import Geometry, Vectors, combined, scaled

__all__ = ["TrustRegion", "TrustRegionState"]


@dataclass(frozen=True)
class TrustRegionState:
    """What an iteration of `TrustRegion` hands to the next.

    Attributes
    ----------
    radius : float
        How far the model is trusted.
    """

    radius: float


@dataclass(frozen=True, kw_only=True)
class TrustRegion:
    r"""Riemannian trust regions [1]_: quadratic convergence from Hessians times vectors.

    In every iteration conjugate gradients minimize the quadratic model in the tangent space; they stop at the
    boundary, along a direction of negative curvature, or at a residual
    :math:`|r| \le |r_0| \min(|r_0|^\theta, \kappa)`. The step counts if the cost falls by more than `rho` of what the
    model says. Without `hvp`, Hessians are differences of gradients.

    Parameters
    ----------
    radius, max_radius : float, optional
        At the beginning, by default an eighth of the largest; and that, by default the root of the dimension, and
        in hyperbolic space 4 for each point.
    rho : float
        In [0, 1/4).
    kappa, theta : float
        kappa in (0, 1); theta > 0 is the order of convergence less 1.
    max_inner : int, optional
        Steps of conjugate gradients in one iteration, the dimension by default.
    fd_step : float
        Length of the differences in place of `hvp`.

    References
    ----------
    .. [1] P.-A. Absil, C. G. Baker, K. A. Gallivan, "Trust-region methods on Riemannian manifolds", Found. Comput.
       Math. 7, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.manifolds import Sphere
    >>> from hypergeom.optim import minimize
    >>> A = np.diag([1.0, 2.0, 5.0])
    >>> found = minimize(lambda x: x @ A @ x, np.array([0.6, 0.0, 0.8]), gradient=lambda x: 2 * A @ x,
    ...                  hvp=lambda x, v: 2 * A @ v, manifold=Sphere(), method="trust_region", gtol=1e-12)
    >>> found.success, found.nit < 10
    (True, True)
    """

    radius: float | None = None
    max_radius: float | None = None
    rho: float = 0.1
    kappa: float = 0.1
    theta: float = 1.0
    max_inner: int | None = None
    fd_step: float = 2**-14

    def __post_init__(self) -> None:
        for what in ("radius", "max_radius"):
            value = getattr(self, what)
            if value is not None:
                check_range("TrustRegion", what, value)
                if not value > 0:
                    raise ValueError(f"TrustRegion: {what} must be positive, got {value!r}")
        if None not in (self.radius, self.max_radius) and self.radius > self.max_radius:  # type: ignore[operator]
            raise ValueError(f"TrustRegion: radius {self.radius!r} is above max_radius {self.max_radius!r}")
        check_range("TrustRegion", "rho", self.rho, below=0.25)
        for what, below in (("kappa", 1.0), ("theta", math.inf), ("fd_step", 1.0)):
            value = getattr(self, what)
            check_range("TrustRegion", what, value, below=below)
            if not value > 0:
                raise ValueError(f"TrustRegion: {what} must be positive, got {value!r}")
        if self.max_inner is not None:
            check_count("TrustRegion", "max_inner", self.max_inner, 1)

    def start(self, objective: Objective, iterate: Iterate) -> TrustRegionState:
        """The first radius."""
        return TrustRegionState(self._largest(objective.geometry) / 8 if self.radius is None else self.radius)

    def _largest(self, geometry: Geometry) -> float:
        if self.max_radius is None:
            return max(geometry.radius, self.radius or 0.0)
        return self.max_radius

    def remapped(self, state: TrustRegionState, f: Callable[[Vectors], Vectors]) -> TrustRegionState:
        """The state itself."""
        return state

    def advance(self, objective: Objective, iterate: Iterate, state: TrustRegionState, t: int) -> Move:
        """Minimize the model, and go there if the cost agrees."""
        geometry, x = objective.geometry, iterate.x

        def hessian(v: Vectors) -> Vectors:
            if objective.hvp is not None:
                return objective.hessian(iterate, v)
            return self._difference(objective, iterate, v)

        v, Hv, at_boundary = self._model_step(geometry, iterate, hessian, state.radius)
        length = geometry.norm(x, v)
        predicted = -geometry.inner(x, iterate.grad, v) - geometry.inner(x, v, Hv) / 2
        y = geometry.step(x, v)
        value = objective.value(y) if all_finite(y) else None
        slack = 1e3 * geometry.eps / 2 * max(1.0, abs(iterate.fun))
        ratio = -math.inf
        if value is not None and math.isfinite(value.fun):
            ratio = (iterate.fun - value.fun + slack) / (predicted + slack)
        there = iterate
        if ratio > self.rho and value is not None:
            there = objective.completed(value)
            if not there.finite:
                there, ratio = iterate, -math.inf
            elif predicted < slack and not there.grad_norm < iterate.grad_norm:
                raise Stalled  # the cost is rounding, and the gradient does not become smaller
        radius = state.radius
        if not ratio >= 0.25:
            radius = length / 4
        elif ratio > 0.75 and at_boundary:
            radius = min(2 * radius, self._largest(geometry))
        if there is iterate:
            if not radius > geometry.eps * 1e-3:
                raise Stalled
            return Move(iterate, TrustRegionState(radius), 0.0)
        return Move(there, TrustRegionState(radius), length)

    def _model_step(
        self, geometry: Geometry, at: Iterate, hessian: Callable[[Vectors], Vectors], radius: float
    ) -> tuple[Vectors, Vectors, bool]:
        """The step, the Hessian times it, and whether it ends at the boundary."""

        def inner(u: Vectors, v: Vectors) -> float:
            return geometry.inner(at.x, u, v)

        r, d = at.grad, scaled(-1.0, at.grad)
        v, Hv = scaled(0.0, at.grad), scaled(0.0, at.grad)
        rr = at.grad_norm**2
        vv, vd, dd = 0.0, 0.0, rr
        enough = at.grad_norm * min(at.grad_norm**self.theta, self.kappa)
        for _ in range(self.max_inner or geometry.dim):
            Hd = hessian(d)
            curvature = inner(d, Hd)
            step = rr / curvature if curvature > 0 else math.inf
            if not vv + 2 * step * vd + step**2 * dd < radius**2:
                # to the boundary: the positive root of |v + tau d| = radius
                tau = (radius**2 - vv) / (vd + math.sqrt(max(vd**2 + dd * (radius**2 - vv), 0.0)))
                return combined(1.0, v, tau, d), combined(1.0, Hv, tau, Hd), True
            v, Hv = combined(1.0, v, step, d), combined(1.0, Hv, step, Hd)
            # What cancels in r leaves the tangent space to the size of what it was.
            r = geometry.tangent(at.x, combined(1.0, r, step, Hd))
            before, rr = rr, inner(r, r)
            if not rr > enough**2:
                break
            beta = rr / before
            d = combined(-1.0, r, beta, d)
            vv, vd, dd = inner(v, v), inner(v, d), inner(d, d)
        return v, Hv, False

    def _difference(self, objective: Objective, at: Iterate, v: Vectors) -> Vectors:
        geometry = objective.geometry
        size = geometry.norm(at.x, v)
        if size == 0:
            return v
        h = self.fd_step / size
        step = scaled(h, v)
        y = geometry.step(at.x, step)
        return geometry.covariant(at.x, step, y, at.grad, objective.gradient(y).grad, h)
