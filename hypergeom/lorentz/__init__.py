"""The Lorentz model: points x with <x, x> = -1/c and x_0 > 0, <x, y> = x_1 y_1 + ... - x_0 y_0; curvature -c.

The time coordinate comes first, so a point of a d-dimensional space has n = d + 1 entries. The spatial part
is the point: functions compute the time coordinate ``x_0 = sqrt(1/c + |x|^2)`` anew, and the time entry of a
tangent vector, and read the stored ones only to reject x_0 <= 0. Hence the time entry of every cotangent of
an input is 0. Rows outside the domain are NaN; a spatial part of length up to about 1e150 is inside. Every
function takes arrays whose last axis is the vector and whose leading axes broadcast. Each differentiable
function `f` has `f_vjp`.
"""

from hypergeom.lorentz.boosts import boost, boost_matrix, boost_to0, boost_to0_vjp, boost_vjp, rotation
from hypergeom.lorentz.conversions import to_poincare, to_poincare_vjp
from hypergeom.lorentz.maps import (
    exp,
    exp0,
    exp0_vjp,
    exp_vjp,
    geodesic,
    geodesic_vjp,
    log,
    log0,
    log0_vjp,
    log_vjp,
    retract,
    retract_vjp,
)
from hypergeom.lorentz.metric import (
    chord2,
    chord2_vjp,
    dist,
    dist0,
    dist0_vjp,
    dist_vjp,
    inner,
    inner_vjp,
    norm,
    norm_vjp,
    sqdist,
    sqdist_vjp,
)
from hypergeom.lorentz.products import concat, concat_vjp, split, split_vjp
from hypergeom.lorentz.spatial import (
    egrad2rgrad,
    egrad2rgrad_vjp,
    from_spatial,
    from_spatial_vjp,
    project,
    project_tangent,
    tangent_from_spatial,
    tangent_from_spatial_vjp,
    time,
    time_vjp,
)
from hypergeom.lorentz.transports import (
    exp_transport,
    exp_transport_vjp,
    transport,
    transport0,
    transport0_vjp,
    transport_to0,
    transport_to0_vjp,
    transport_vjp,
)

__all__ = [
    "boost",
    "boost_matrix",
    "boost_to0",
    "boost_to0_vjp",
    "boost_vjp",
    "chord2",
    "chord2_vjp",
    "concat",
    "concat_vjp",
    "dist",
    "dist0",
    "dist0_vjp",
    "dist_vjp",
    "egrad2rgrad",
    "egrad2rgrad_vjp",
    "exp",
    "exp0",
    "exp0_vjp",
    "exp_transport",
    "exp_transport_vjp",
    "exp_vjp",
    "from_spatial",
    "from_spatial_vjp",
    "geodesic",
    "geodesic_vjp",
    "inner",
    "inner_vjp",
    "log",
    "log0",
    "log0_vjp",
    "log_vjp",
    "norm",
    "norm_vjp",
    "project",
    "project_tangent",
    "retract",
    "retract_vjp",
    "rotation",
    "split",
    "split_vjp",
    "sqdist",
    "sqdist_vjp",
    "tangent_from_spatial",
    "tangent_from_spatial_vjp",
    "time",
    "time_vjp",
    "to_poincare",
    "to_poincare_vjp",
    "transport",
    "transport0",
    "transport0_vjp",
    "transport_to0",
    "transport_to0_vjp",
    "transport_vjp",
]
