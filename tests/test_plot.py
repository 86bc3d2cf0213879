"""The disk: where points and arcs are drawn, labels, files, and what it refuses."""

import itertools
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hypergeom import lorentz, manifolds, poincare
from hypergeom.datasets import load_mammals
from hypergeom.embed.hierarchy import Hierarchy, closure, edge_table
from hypergeom.embed.tree import tree_embedding
from hypergeom.errors import NotOnManifoldError
from hypergeom.plot import disk
from hypergeom.plot.geometry import geodesic_beziers, polar_about, polar_about_mean, principal_plane
from hypergeom.plot.labels import display_name
from hypergeom.plot.outline import read_outline

EDGES = [[1, 0], [2, 0], [3, 1], [4, 1], [5, 2], [6, 2], [7, 6]]


def ball_points(rng, n, d, R, c=1.0):
    directions = rng.normal(size=(n, d))
    radii = np.tanh(R * rng.random((n, 1)) / 2)
    return radii / math.sqrt(c) * directions / np.linalg.norm(directions, axis=1, keepdims=True)


def drawn_points(ax):
    """Positions of the nodes, in the order of drawing: by size."""
    (nodes,) = (child for child in ax.collections if len(child.get_offsets()) > 1)
    return np.asarray(nodes.get_offsets())


def drawn_arcs(ax):
    (edges,) = (child for child in ax.collections if len(child.get_paths()[0].vertices) == 7)
    return np.array([path.vertices for path in edges.get_paths()])


def orthogonal_circle(p, q):
    """Center and radius of the circle through p and q that meets the unit circle at right angles."""
    center = np.linalg.solve([p, q], [(1 + p @ p) / 2, (1 + q @ q) / 2])
    return center, math.sqrt(center @ center - 1)


def follow(controls):
    """Points of the two cubic curves, and the direction at each."""
    s = np.linspace(0, 1, 30)[:, None]
    points, directions = [], []
    for p0, p1, p2, p3 in (controls[:4], controls[3:]):
        points.append((1 - s) ** 3 * p0 + 3 * s * (1 - s) ** 2 * p1 + 3 * s**2 * (1 - s) * p2 + s**3 * p3)
        directions.append((1 - s) ** 2 * (p1 - p0) + 2 * s * (1 - s) * (p2 - p1) + s**2 * (p3 - p2))
    return np.vstack(points), np.vstack(directions)


class TestRecentering:
    @pytest.mark.parametrize("c", [1.0, 0.3])
    @pytest.mark.parametrize("d", [2, 5])
    def test_distances_do_not_change(self, rng, d, c):
        x = ball_points(rng, 40, d, 8.0, c)
        before = math.sqrt(c) * poincare.dist(x[:, None], x[None], c)
        for model in ("poincare", "lorentz"):
            y = x if model == "poincare" else poincare.to_lorentz(x, c)
            for polar in (polar_about(y[7], y, model, c), polar_about_mean(y, model, c)):
                moved = poincare.exp0(polar / 2)
                np.testing.assert_allclose(poincare.dist(moved[:, None], moved[None]), before, atol=1e-9)

    def test_the_center_comes_to_the_origin_and_directions_stay(self, rng):
        x = ball_points(rng, 5, 2, 3.0)
        polar = polar_about(x[2], x, "poincare", 1.0)
        assert np.all(polar[2] == 0)
        direction = poincare.log(x[2], x)  # conformal: the isometry turns nothing at the center
        cross = polar[:, 0] * direction[:, 1] - polar[:, 1] * direction[:, 0]
        np.testing.assert_allclose(cross, 0, atol=1e-12)

    def test_mean_of_a_far_and_tight_cluster(self, rng):
        middle = np.array([math.cosh(30), 0.0, math.sinh(30)])
        near = lorentz.exp(middle, np.column_stack([np.zeros(20), rng.normal(size=20), np.zeros(20)]))
        polar = polar_about_mean(near, "lorentz", 1.0)
        assert np.linalg.norm(polar, axis=1).max() < 5
        weights = np.sinh(np.linalg.norm(polar, axis=1)) / np.linalg.norm(polar, axis=1)
        np.testing.assert_allclose(weights @ polar, 0, atol=1e-6)  # the centroid is the origin

    def test_principal_plane(self, rng):
        plane = np.linalg.qr(rng.normal(size=(6, 2)))[0]
        flat = rng.normal(size=(30, 2))
        coordinates, share = principal_plane(flat @ plane.T)
        assert share == pytest.approx(1)
        np.testing.assert_allclose(coordinates @ coordinates.T, flat @ flat.T, atol=1e-12)
        assert principal_plane(np.zeros((3, 4)))[1] == 1


class TestArcs:
    def test_ends_circle_and_rim(self, rng):
        p, q = ball_points(rng, 300, 2, 12.0), ball_points(rng, 300, 2, 12.0)
        for a, b, controls in zip(p, q, geodesic_beziers(p, q), strict=True):
            np.testing.assert_allclose(controls[[0, 6]], [a, b], atol=1e-15)
            center, radius = orthogonal_circle(a, b)
            points, directions = follow(controls)
            away = points - center
            np.testing.assert_allclose(np.linalg.norm(away, axis=1), radius, atol=3e-5)
            for end in (0, -1):
                across = away[end] @ directions[end]
                assert abs(across) < 1e-6 * np.linalg.norm(away[end]) * np.linalg.norm(directions[end])

    def test_ideal_points_meet_the_rim_at_right_angles(self, rng):
        angles = rng.uniform(0, 2 * np.pi, (2, 50))
        p, q = np.stack([np.cos(angles), np.sin(angles)], axis=2)
        controls = geodesic_beziers(p, q)
        for end, inner in ((0, 1), (6, 5)):
            direction = controls[:, inner] - controls[:, end]
            direction /= np.linalg.norm(direction, axis=1, keepdims=True)
            np.testing.assert_allclose(direction, -controls[:, end], atol=1e-6)

    def test_diameters_are_straight(self):
        p = np.array([[0.0, 0.0], [0.6, 0.3], [0.5, 0.5]])
        q = np.array([[0.5, 0.5], [-0.4, -0.2], [0.5, 0.5]])
        for a, b, controls in zip(p, q, geodesic_beziers(p, q), strict=True):
            points, _ = follow(controls)
            along = b - a
            np.testing.assert_allclose((points - a) @ [-along[1], along[0]], 0, atol=1e-15)

    def test_halfway_is_the_hyperbolic_midpoint(self, rng):
        p, q = ball_points(rng, 50, 2, 4.0), ball_points(rng, 50, 2, 4.0)
        halfway = geodesic_beziers(p, q)[:, 3]
        total = poincare.dist(p, q)
        np.testing.assert_allclose(poincare.dist(p, halfway) + poincare.dist(halfway, q), total, rtol=1e-9)


class TestOutline:
    def test_direct_edges_of_a_closure(self):
        outline, _ = read_outline(closure(EDGES), None, 8)
        assert outline.edges.tolist() == EDGES
        assert outline.n_given == len(closure(EDGES)) > len(EDGES)
        assert outline.root() == 0
        assert outline.sizes.tolist() == [8, 3, 4, 1, 1, 1, 2, 1]
        assert outline.importance()[:4].tolist() == [0, 2, 1, 6]

    def test_branches_split_where_one_holds_most(self):
        """Below 0, node 1 holds all but one; the branches are its children that are no leaves."""
        below_1 = [[3, 1], [4, 1], [5, 1], *([k, 3] for k in range(6, 26)), [26, 4], [27, 4]]
        outline, _ = read_outline([[1, 0], [2, 0], *below_1], None, 28)
        heads, branch = outline.branches(10)
        assert heads.tolist() == [3, 4]
        assert branch[[0, 1, 2, 5]].tolist() == [-1] * 4
        assert branch[[3, 6, 25]].tolist() == [0] * 3
        assert branch[[4, 26, 27]].tolist() == [1] * 3
        assert outline.branches(1)[0].tolist() == [3]

    def test_several_roots_and_lone_points(self):
        outline, _ = read_outline([[1, 0], [3, 2]], None, 6)
        assert outline.root() is None
        assert outline.sizes.tolist() == [2, 1, 2, 1, 1, 1]


class TestDisk:
    def test_root_in_the_middle_and_median_at_08(self, rng):
        x = tree_embedding(EDGES, scale=3.0, manifold="poincare")
        moved = poincare.mobius_add(np.array([0.3, -0.6]), x)
        ax = disk(moved, edges=EDGES)
        radii = np.linalg.norm(drawn_points(ax), axis=1)
        assert radii.min() < 1e-12
        assert np.median(radii) == pytest.approx(0.8)
        assert "point 0 to the middle" in ax.get_xlabel()

    def test_without_rescaling_the_picture_is_an_isometric_image(self, rng):
        x = ball_points(rng, 30, 2, 4.0)
        for y, manifold in ((x, "poincare"), (poincare.to_lorentz(x), manifolds.Lorentz())):
            ax = disk(y, manifold=manifold, center=3, radial_scale=1)
            z = drawn_points(ax)
            np.testing.assert_allclose(
                poincare.dist(z[:, None], z[None]), poincare.dist(x[:, None], x[None]), atol=1e-9
            )
            assert "multiplied" not in ax.get_xlabel()

    def test_arcs_join_the_points(self):
        x = tree_embedding(EDGES, scale=2.0, manifold="poincare")
        ax = disk(x, edges=closure(EDGES))
        arcs = drawn_arcs(ax)
        assert len(arcs) == len(EDGES)
        gaps = np.linalg.norm(arcs[:, [0, 6], None] - drawn_points(ax), axis=3)
        assert gaps.min(axis=2).max() < 1e-12
        assert "8 nodes and 7 direct edges" in ax.get_xlabel()

    def test_dimensions_above_2(self, rng):
        x = ball_points(rng, 50, 4, 6.0)
        for y, manifold in ((x, "poincare"), (poincare.to_lorentz(x), "lorentz")):
            ax = disk(y, manifold=manifold)
            caption = ax.get_xlabel().replace("\n", " ")
            assert "hyperbolic mean" in caption
            assert "Of 4 dimensions: the 2 principal components there" in caption
            assert np.linalg.norm(drawn_points(ax), axis=1).max() < 1

    def test_points_at_the_rim(self):
        angles = np.arange(6)
        x = (1 - 1e-15) * np.column_stack([np.cos(angles), np.sin(angles)])
        x[0] = 0
        assert np.isfinite(drawn_points(disk(x, center=0))).all()

    def test_one_point_and_equal_points(self):
        disk([[0.3, 0.4]])
        ax = disk(np.full((4, 2), 0.4), edges=[[1, 0], [2, 0], [3, 0]], labels=list("abcd"))
        np.testing.assert_allclose(drawn_points(ax), 0, atol=1e-15)

    def test_axes_of_the_caller(self):
        figure = Figure(figsize=(8, 4), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        x = tree_embedding(EDGES, manifold="poincare")
        assert disk(x, edges=EDGES, labels=list("abcdefgh"), ax=right) is right
        assert len(left.collections) == 0

    def test_thousands_of_points_become_an_image(self, rng, tmp_path):
        n = 6_000
        edges = [[k, (k - 1) // 5] for k in range(1, n)]
        x = tree_embedding(edges, n_components=3, manifold="poincare")
        disk(x, edges=edges, path=tmp_path / "a.svg")
        text = (tmp_path / "a.svg").read_text()
        assert text.count("<image") >= 1
        assert text.count("<path") < 200


@pytest.fixture(scope="module")
def mammals():
    hierarchy = load_mammals()
    return disk(tree_embedding(hierarchy, scale=1.0), edges=hierarchy, manifold="lorentz")


class TestLabels:
    def test_none_hides_another(self, mammals):
        boxes = [text.get_window_extent() for text in mammals.texts]
        assert len(boxes) > 40
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))

    def test_all_are_inside_the_circle(self, mammals):
        for text in mammals.texts:
            corners = mammals.transData.inverted().transform(text.get_window_extent().corners())
            assert np.linalg.norm(corners, axis=1).max() < 1

    def test_the_important_ones_are_there(self, mammals):
        words = {text.get_text() for text in mammals.texts}
        assert {"mammal", "placental", "rodent", "primate"} <= words

    def test_small_pictures_have_them_all(self):
        labels = [f"node {k}" for k in range(8)]
        ax = disk(tree_embedding(EDGES, scale=1.5), edges=EDGES, labels=labels, manifold="lorentz")
        assert sorted(text.get_text() for text in ax.texts) == labels

    def test_labels_of_the_edges(self):
        named = [("b", "a"), ("c", "a"), ("d", "b")]
        ax = disk(tree_embedding(named), edges=named, manifold="lorentz")
        assert sorted(text.get_text() for text in ax.texts) == ["a", "b", "c", "d"]
        assert "brings a to the middle" in ax.get_xlabel()

    def test_other_names_for_a_hierarchy(self):
        edges = np.array([[1, 0], [2, 0]])
        hierarchy = Hierarchy(edges, edges, np.array(["a", "b", "c"]), "")
        ax = disk(tree_embedding(hierarchy), edges=hierarchy, labels=["A", "B", "C"], manifold="lorentz")
        assert sorted(text.get_text() for text in ax.texts) == ["A", "B", "C"]

    def test_without_edges(self, rng):
        ax = disk(ball_points(rng, 20, 2, 3.0), labels=np.arange(20))
        assert len(ax.texts) > 5

    def test_no_mathematics_in_labels(self):
        x = tree_embedding([[1, 0], [2, 0]])
        ax = disk(x, edges=[[1, 0], [2, 0]], labels=["$", "$x$", r"\frac$"], manifold="lorentz")
        ax.figure.canvas.draw()
        assert {text.get_text() for text in ax.texts} == {"$", "$x$", r"\frac$"}

    @pytest.mark.parametrize(
        ("label", "name"),
        [
            ("polar_bear.n.01", "polar bear"),
            ("st._bernard.n.12", "st. bernard"),
            ("io.open", "io.open"),
            ("ctypes._CData", "ctypes._CData"),
            (7, "7"),
        ],
    )
    def test_display_names(self, label, name):
        assert display_name(label) == name


class TestFiles:
    x = np.array([[0.0, 0.0], [0.5, 0.1], [-0.3, 0.7]])

    @pytest.mark.parametrize(
        ("name", "head"),
        [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.PDF", b"%PDF"), ("b.c.svg", b"<?xml")],
    )
    def test_written_and_nothing_left_behind(self, tmp_path, name, head):
        disk(self.x, edges=[[1, 0], [2, 0]], path=tmp_path / name)
        assert [file.name for file in tmp_path.iterdir()] == [name]
        assert (tmp_path / name).read_bytes().startswith(head)

    def test_svg_is_the_same_every_time(self, tmp_path):
        for name in ("a.svg", "b.svg"):
            disk(self.x, edges=[[1, 0], [2, 0]], labels=list("abc"), path=str(tmp_path / name))
        assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
        ElementTree.parse(tmp_path / "a.svg")

    def test_a_failure_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = tmp_path / "a.png"
        path.write_text("old")

        def fail(self, file, **options):
            file.write_text("half")
            raise OSError("disk full")

        monkeypatch.setattr(Figure, "savefig", fail)
        with pytest.raises(OSError, match="disk full"):
            disk(self.x, path=path)
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_bad_paths(self, tmp_path):
        with pytest.raises(ValueError, match=r"path must end in .svg, .png, .pdf, got 'a.gif'"):
            disk(self.x, path="a.gif")
        with pytest.raises(FileNotFoundError):
            disk(self.x, path=tmp_path / "missing" / "a.png")


class TestBadInput:
    x = np.array([[0.0, 0.0], [0.5, 0.1], [-0.3, 0.7]])

    @pytest.mark.parametrize(
        ("x", "options", "message"),
        [
            (np.empty((0, 2)), {}, "n at least 1"),
            (np.zeros(4), {}, r"shape \(n, d\)"),
            (np.zeros((4, 1)), {}, "d at least 2"),
            (np.ones((4, 2)), {"manifold": "lorentz"}, "d at least 3"),
            (x, {"manifold": "euclidean"}, "'poincare' or 'lorentz'"),
            (x, {"manifold": "klein"}, "manifold must be one of"),
            (x, {"labels": ["a", "b"]}, r"labels must have shape \(3,\)"),
            (x, {"edges": [[3, 0]]}, "4 nodes, but x has 3 points"),
            (x, {"edges": [[0, 1], [1, 0]]}, "cycle"),
            (x, {"edges": [("a", "d")], "labels": list("abc")}, "unknown label 'd'"),
            (x, {"center": 3}, "0 to 2, or a point, got 3"),
            (x, {"center": -1}, "0 to 2, or a point, got -1"),
            (x, {"center": [0.0, 0.0, 0.0]}, r"shape \(2,\), got \(3,\)"),
            (x, {"radial_scale": 0}, "radial_scale must be 'auto' or a positive number, got 0"),
            (x, {"radial_scale": "log"}, "got 'log'"),
            (x, {"radial_scale": np.nan}, "got nan"),
        ],
    )
    def test_values(self, x, options, message):
        with pytest.raises(ValueError, match=message):
            disk(x, **options)

    @pytest.mark.parametrize(
        ("x", "manifold", "message"),
        [
            ([[0.0, 0.0], [0.6, 0.8]], "poincare", "x: row 1 is no poincare point for c=1: .*below 1, got 1"),
            ([[0.0, 0.0], [np.nan, 0.8]], "poincare", "row 1"),
            ([[0.0, 0.6]], manifolds.PoincareBall(4.0), "c=4"),
            ([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]], "lorentz", "row 1 .* time coordinate must be below 1e-6"),
            ([[-1.0, 0.0, 0.0]], "lorentz", "row 0"),
            ([[np.inf, np.inf, 0.0]], "lorentz", "row 0"),
        ],
    )
    def test_points_off_the_manifold(self, x, manifold, message):
        with pytest.raises(NotOnManifoldError, match=message):
            disk(x, manifold=manifold)

    def test_center_off_the_manifold(self):
        with pytest.raises(NotOnManifoldError):
            disk(self.x, center=[1.0, 1.0])

    def test_input_is_not_written_to(self, rng):
        x, edges = ball_points(rng, 8, 2, 3.0), np.array(EDGES)
        for array in (x, edges):
            array.setflags(write=False)
        disk(x, edges=edges)
        assert edge_table(edges).edges.tolist() == EDGES
