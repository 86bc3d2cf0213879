"""The Poincaré ball: points x with c|x|^2 < 1, of curvature -c.

The metric is (2 / g)^2 times the Euclidean one, g = 1 - c|x|^2 the gap to the rim. So c = 0 is flat space
with lengths doubled: there `dist` is 2|x - y|. A point outside the ball, NaN or infinity gives NaN in its
row; nothing is clamped. Every function takes arrays whose last axis is the vector and whose leading axes
broadcast. Each differentiable function `f` has `f_vjp`, the product of a cotangent with its Jacobian.
"""

from hypergeom.poincare.conversions import (
    to_lorentz,
    to_lorentz_vjp,
)
from hypergeom.poincare.gyrovectors import (
    gyration,
    gyration_vjp,
    mobius_add,
    mobius_add_vjp,
    mobius_scalar,
    mobius_scalar_vjp,
    mobius_sub,
    mobius_sub_vjp,
)
from hypergeom.poincare.horospheres import (
    Horo,
    busemann,
    busemann_vjp,
    from_horo,
    from_horo_vjp,
    to_horo,
    to_horo_vjp,
)
from hypergeom.poincare.hyperplanes import (
    dist2plane,
    dist2plane_vjp,
    mlr,
    mlr_vjp,
)
from hypergeom.poincare.maps import (
    exp,
    exp0,
    exp0_vjp,
    exp_vjp,
    log,
    log0,
    log0_vjp,
    log_vjp,
)
from hypergeom.poincare.metric import (
    conformal_factor,
    conformal_factor_vjp,
    dist,
    dist0,
    dist0_vjp,
    dist_vjp,
    egrad2rgrad,
    egrad2rgrad_vjp,
    inner,
    inner_vjp,
    norm,
    norm_vjp,
    project,
    project_tangent,
)
from hypergeom.poincare.transports import (
    transport,
    transport0,
    transport0_vjp,
    transport_to0,
    transport_to0_vjp,
    transport_vjp,
)

__all__ = [
    "Horo",
    "busemann",
    "busemann_vjp",
    "conformal_factor",
    "conformal_factor_vjp",
    "dist",
    "dist0",
    "dist0_vjp",
    "dist2plane",
    "dist2plane_vjp",
    "dist_vjp",
    "egrad2rgrad",
    "egrad2rgrad_vjp",
    "exp",
    "exp0",
    "exp0_vjp",
    "exp_vjp",
    "from_horo",
    "from_horo_vjp",
    "gyration",
    "gyration_vjp",
    "inner",
    "inner_vjp",
    "log",
    "log0",
    "log0_vjp",
    "log_vjp",
    "mlr",
    "mlr_vjp",
    "mobius_add",
    "mobius_add_vjp",
    "mobius_scalar",
    "mobius_scalar_vjp",
    "mobius_sub",
    "mobius_sub_vjp",
    "norm",
    "norm_vjp",
    "project",
    "project_tangent",
    "to_horo",
    "to_horo_vjp",
    "to_lorentz",
    "to_lorentz_vjp",
    "transport",
    "transport0",
    "transport0_vjp",
    "transport_to0",
    "transport_to0_vjp",
    "transport_vjp",
]
