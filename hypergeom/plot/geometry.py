"""From points of hyperbolic space to points and arcs of the unit disk."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hypergeom import lorentz, poincare

FloatArray: TypeAlias = npt.NDArray[np.float64]


def polar_about(center: FloatArray, x: FloatArray, model: str, c: float) -> FloatArray:
    """The points as seen from `center`: their logarithms there, in an orthonormal frame, at curvature -1.

    The isometry that takes `center` to the origin, without a rotation, followed by the logarithm at the
    origin. Row i has the length sqrt(c) d(center, x_i).

    Parameters
    ----------
    center : (d,) or, in Lorentz, (d + 1,) array
    x : (n, d) or, in Lorentz, (n, d + 1) array
    model : {"poincare", "lorentz"}
    c : float

    Returns
    -------
    (n, d) array
    """
    logarithm = poincare.log(center, x, c) if model == "poincare" else lorentz.log(center, x, c)
    if model == "poincare":
        r = math.sqrt(c) * np.linalg.norm(center)
        return np.asarray(2 * math.sqrt(c) / ((1 - r) * (1 + r)) * logarithm)
    space, tangents = center[1:], logarithm[:, 1:]
    time = math.sqrt(c) * float(lorentz.project(center, c)[0])
    return np.asarray(math.sqrt(c) * (tangents - np.outer(tangents @ space, c / (time * (1 + time)) * space)))


def polar_about_mean(x: FloatArray, model: str, c: float) -> FloatArray:
    """The points as seen from their centroid, the point in the direction of their sum on the hyperboloid.

    The sum is taken around one of the points, and again around where that led: otherwise its norm cancels
    where the points are far from the origin and close to each other.
    """
    origin = np.zeros_like(x[0]) if model == "poincare" else lorentz.project(np.zeros_like(x[0]), c)
    nearest = np.linalg.norm(polar_about(origin, x, model, c), axis=1).argmin()
    polar = polar_about(x[nearest], x, model, c)
    for _ in range(50):
        radius = np.linalg.norm(polar, axis=1, keepdims=True)
        space = np.sinh(radius) / np.where(radius > 0, radius, 1.0) * polar
        hyperboloid = np.concatenate([np.cosh(radius), space], axis=1)
        total = np.mean(hyperboloid / np.cosh(radius.max()), axis=0)
        speed = float(np.linalg.norm(total[1:]) / total[0])
        if speed < 1e-9:
            break
        distance = math.atanh(min(speed, 1 - 1e-12))
        step = np.concatenate([[math.cosh(distance)], math.sinh(distance) / (speed * total[0]) * total[1:]])
        polar = polar_about(step, hyperboloid, "lorentz", 1.0)
    return polar


def principal_plane(v: FloatArray) -> tuple[FloatArray, float]:
    """Coordinates of the rows of v in the plane through 0 nearest to them, and its share of their squares."""
    moments, axes = np.linalg.eigh(v.T @ v)
    total = moments.sum()
    return v @ axes[:, :-3:-1], float(moments[-2:].sum() / total) if total > 0 else 1.0


def geodesic_beziers(p: FloatArray, q: FloatArray) -> FloatArray:
    """Geodesics of the unit disk as two cubic Bézier curves each.

    The geodesic from p to q is an arc of a circle orthogonal to the rim, of the angle 2 alpha with alpha =
    arg(1 - conj(p) q) in complex numbers. Lengths are taken from the chord, so that arcs near the origin
    become straight smoothly. The curves leave the circle by at most 3e-5.

    Parameters
    ----------
    p, q : (m, 2) arrays
        Points of the closed disk.

    Returns
    -------
    (m, 7, 2) array
        Control points: p, two handles, the middle of the arc, two handles, q.
    """
    a, b = p[:, 0] + 1j * p[:, 1], q[:, 0] + 1j * q[:, 1]
    chord = b - a
    alpha = np.angle(1 - np.conj(a) * b)
    # At a the arc leaves by alpha to the side of the chord, in its middle it is parallel to it.
    middle = (a + b) / 2 - 0.5j * chord * np.tan(alpha / 2)
    handle = chord / (6 * np.cos(alpha / 2) * np.cos(alpha / 4) ** 2)
    curve = [
        a,
        a + handle * np.exp(-1j * alpha),
        middle - handle,
        middle,
        middle + handle,
        b - handle * np.exp(1j * alpha),
        b,
    ]
    points = np.stack(curve, axis=1)
    return np.stack([points.real, points.imag], axis=2)
