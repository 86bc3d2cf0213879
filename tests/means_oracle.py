"""The means by their definitions, in as many digits as mpmath is set to; and groups of points for their tests."""

import mpmath as mp
import numpy as np

from hypergeom import lorentz, poincare

EPS = np.finfo(np.float64).eps


# The definitions, on rows of mpmath numbers; on the hyperboloid, of spatial parts.
def times(w, rows):
    return [mp.fdot(w, column) for column in zip(*rows, strict=True)]


def lift(x, c):
    """The spatial part on the hyperboloid of a point of the ball."""
    return [2 * xi / (1 - c * mp.fdot(x, x)) for xi in x]


def time(x, c):
    return mp.sqrt(1 / c + mp.fdot(x, x))


def centroid(x, w, c):
    s, s0 = times(w, x), mp.fdot(w, [time(xi, c) for xi in x])
    n = mp.sqrt(c * (s0 * s0 - mp.fdot(s, s)))
    return [si / n for si in s]


def drop(x, c):
    """The point of the ball of a spatial part."""
    return [xi / (1 + mp.sqrt(c) * time(x, c)) for xi in x]


def gyromidpoint(x, w, c):
    return drop(centroid([lift(xi, c) for xi in x], w, c), c)


def distance(x, y, c):
    """Of spatial parts."""
    return mp.acosh(max(mp.mpf(1), c * (time(x, c) * time(y, c) - mp.fdot(x, y)))) / mp.sqrt(c)


def mean_log(m, x, w, c):
    """The sum of w log_m(x), spatial part."""
    total = [mp.mpf(0)] * len(m)
    for xi, wi in zip(x, w, strict=True):
        cosh = c * (time(m, c) * time(xi, c) - mp.fdot(m, xi))
        theta = mp.acosh(max(mp.mpf(1), cosh))
        ratio = theta / mp.sinh(theta) if theta else mp.mpf(1)
        total = [t + wi * ratio * (b - cosh * a) for t, a, b in zip(total, m, xi, strict=True)]
    return total


def frechet(start, x, w, c):
    """By Newton's method with differences for the Jacobian, on spatial parts."""
    m, h = list(start), mp.mpf(10) ** (-mp.mp.dps // 2)
    for _ in range(12):
        value, columns = mean_log(m, x, w, c), []
        for j in range(len(m)):
            moved = [mi + h * (i == j) for i, mi in enumerate(m)]
            columns.append([(a - b) / h for a, b in zip(mean_log(moved, x, w, c), value, strict=True)])
        step = mp.lu_solve(mp.matrix(columns).T, mp.matrix(value))
        m = [a - b for a, b in zip(m, step, strict=True)]
        if mp.norm(step) < h * mp.norm(m) * mp.mpf(10) ** -3:
            break
    return m


def row(a):
    return [mp.mpf(float(v)) for v in np.ravel(a)]


def rows(a):
    return [row(v) for v in a]


def error(got, truth, size=0.0):
    """Norm of the difference, relative to that of the truth or to a given size: a sum may cancel by chance."""
    truth = [v for r in truth for v in r] if isinstance(truth[0], list) else truth
    return float(mp.norm([a - b for a, b in zip(row(got), truth, strict=True)]) / max(mp.norm(truth), size))


def relative(f, size, h=None):
    """The derivative of f(shift) at 0, for arguments of a size."""
    h = size * (h or mp.mpf(10) ** -30)
    return (f(h) - f(-h)) / (2 * h)


def vjp(f, g, x, w, c, h=None):
    """Derivatives of g.f(x, w, c)."""
    scale = 1 / mp.sqrt(c)

    def value(j=None, i=None, of_x=0, of_w=0, of_c=0):
        moved = [[v + of_x * ((k, n) == (j, i)) for n, v in enumerate(xk)] for k, xk in enumerate(x)]
        return mp.fdot(g, f(moved, [v + of_w * (k == j) for k, v in enumerate(w)], c + of_c))

    x_bar = [
        [relative(lambda s, j=j, i=i: value(j, i, of_x=s), scale, h) for i in range(len(x[0]))] for j in range(len(x))
    ]
    w_bar = [relative(lambda s, j=j: value(j, of_w=s), mp.mpf(1), h) for j in range(len(w))]
    return x_bar, w_bar, [relative(lambda s: value(of_c=s), c, h)]


# --- cases ------------------------------------------------------------------------------------------------


def directions(rng, *shape):
    u = rng.normal(size=shape)
    return u / np.linalg.norm(u, axis=-1, keepdims=True)


def ball(rng, shape, c=1.0, radius=4.0):
    """Points of the ball up to a distance radius / sqrt(c) from the origin."""
    r = np.tanh(radius / 2 * rng.uniform(size=(*shape[:-1], 1)))
    return r * directions(rng, *shape) / np.sqrt(c)


def cluster(rng, m, d, k, c=1.0):
    """Points of the ball within 1 / sqrt(c) of one at 1 - r = 10^-k."""
    p = (1 - 10.0**-k * rng.uniform(1, 2)) * directions(rng, d) / np.sqrt(c)
    v = rng.uniform(0.1, 1, (m, 1)) * directions(rng, m, d)
    return poincare.exp(p, v * (1 - c * np.dot(p, p)) / 2 / np.sqrt(c), c)


def far_cluster(rng, m, d, R, c=1.0):
    """Points of the hyperboloid within 1 / sqrt(c) of one at R / sqrt(c)."""
    u = directions(rng, d)
    v = rng.uniform(0.1, 1, (m, 1)) * directions(rng, m, d)
    along = v @ u[:, np.newaxis] * u
    v = (v - along + np.cosh(R) * along) / np.sqrt(c)
    p = lorentz.project(np.concatenate([[0], np.sinh(R) / np.sqrt(c) * u]), c)
    return lorentz.exp(p, np.concatenate([np.zeros((m, 1)), v], axis=1), c)


def weights(rng, m):
    return rng.uniform(0.1, 1, m)


SIZES = [(1, 2), (2, 3), (3, 9), (16, 40)]  # d, m: both loops, both loops of the Hessian
