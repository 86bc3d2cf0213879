"""Placing labels so that none hides another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

Boxes: TypeAlias = npt.NDArray[np.float64]  # rows x0, y0, x1, y1 in pixels

# Where a label stands, seen from its point: to which side, the diagonals not quite as far.
_SIDES = np.array([[1, 0], [-1, 0], [0, 1], [0, -1], [0.7, 0.7], [-0.7, 0.7], [0.7, -0.7], [-0.7, -0.7]])


def display_name(label: object) -> str:
    """A label as people read it: the names of WordNet's synsets without underscores and sense number.

    Examples
    --------
    >>> display_name("polar_bear.n.01"), display_name("ctypes._CData")
    ('polar bear', 'ctypes._CData')
    """
    sense = re.fullmatch(r"(.+)\.[nvasr]\.\d\d+", str(label))
    return sense[1].replace("_", " ") if sense else str(label)


class LabelPlacer:
    """Puts texts beside their points, one by one, inside the unit circle and so that none covers another.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its transformation to pixels must be final.
    """

    def __init__(self, ax: Axes) -> None:
        self._to_pixels = ax.transData
        self._middle, (right, _) = ax.transData.transform([(0, 0), (1, 0)])
        self._radius = right - self._middle[0]
        self._taken: Boxes = np.empty((0, 4))

    def avoid(self, points: npt.NDArray[np.float64], reach: npt.NDArray[np.float64]) -> None:
        """Keep texts off these points of the axes (k, 2), by so many pixels (k,)."""
        pixels = self._to_pixels.transform(points)
        boxes = np.concatenate([pixels - reach[:, None], pixels + reach[:, None]], axis=1)
        self._taken = np.concatenate([self._taken, boxes])

    def place(self, text: Text, gap: float, towards: npt.NDArray[np.float64]) -> bool:
        """Move a text to a free place beside its point, or remove it.

        Parameters
        ----------
        text : matplotlib.text.Text
            At the position of its point, aligned left and bottom.
        gap : float
            What to leave between point and text, in pixels.
        towards : (2,) array
            The side to try first; then those nearest to it.

        Returns
        -------
        bool
            Whether there was a place.
        """
        extent = text.get_window_extent()
        size = np.array([extent.width, extent.height])
        sides = _SIDES[np.argsort(-_SIDES @ towards, kind="stable")]
        point = self._to_pixels.transform(text.get_position())
        corner = point + sides * gap + (np.sign(sides) - 1) / 2 * size
        boxes = np.concatenate([corner - 1, corner + size + 1], axis=1)
        farthest = np.abs(corner + size / 2 - self._middle) + size / 2
        free = np.linalg.norm(farthest, axis=1) < self._radius
        free &= ~np.any(_overlap(boxes[:, None], self._taken), axis=1)
        if not free.any():
            text.remove()
            return False
        at = int(free.argmax())
        text.set_position(tuple(self._to_pixels.inverted().transform(corner[at])))
        self._taken = np.concatenate([self._taken, boxes[at : at + 1]])
        return True


def _overlap(a: Boxes, b: Boxes) -> npt.NDArray[np.bool]:
    return np.asarray(np.all((a[..., :2] < b[..., 2:]) & (b[..., :2] < a[..., 2:]), axis=-1))
