"""`HyperbolicEmbedding`: coordinates for the nodes of a hierarchy, as a scikit-learn estimator."""

from __future__ import annotations

import inspect
import json
import math
import os
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hypergeom import lorentz, manifolds, poincare
from hypergeom._files import replacing
from hypergeom._gpus import gpu_of, on_gpu, one_side, to_host
from hypergeom.embed.diffusion import diffusion_start
from hypergeom.embed.evaluation import ball_and_gap, usable_threads
from hypergeom.embed.hierarchy import EdgesLike, EdgeTable, edge_table
from hypergeom.embed.metrics import hierarchy_score
from hypergeom.embed.trainer import Recipe, Trainer
from hypergeom.embed.tree import tree_embedding
from hypergeom.errors import CheckpointError

__all__ = ["EpochInfo", "HyperbolicEmbedding"]

FloatArray = npt.NDArray[np.float64]
Manifold = manifolds.PoincareBall | manifolds.Lorentz | manifolds.Euclidean

_FORMAT = 1  # of saved files
_RANDOM_RADIUS = 1e-3
_TREE_EDGE = 0.2  # short: at the start the branches must still be able to pass each other
_ONE_THREAD_BELOW = 10_000  # nodes: smaller hierarchies gain little from threads and are repeatable without


@dataclass(frozen=True)
class EpochInfo:
    """What a callback learns after each epoch.

    Attributes
    ----------
    epoch : int
        Counted from 0, over all calls of `fit` and `partial_fit`.
    loss : float
        Mean loss of an edge in this epoch.
    seconds : float
        Wall time of the epoch.
    pairs_per_second : float
        Distances with their gradients, per second.
    """

    epoch: int
    loss: float
    seconds: float
    pairs_per_second: float


class HyperbolicEmbedding:
    r"""Embed a hierarchy into hyperbolic space, so that ancestors are nearer than all others.

    Minimizes, over all edges (u, v) with random non-ancestors N(u) of u,
    :math:`\log(1 + \sum_{n \in N(u)} e^{d(u, v) - d(u, n)})` [1]_, by Riemannian stochastic gradient steps along
    exact geodesics. The edges of a node share their negatives.

    Parameters
    ----------
    n_components : int
        Dimension of the space.
    manifold : {"poincare", "lorentz", "euclidean"}
        The coordinates of the result: the unit ball over sqrt(curvature), the hyperboloid (time first), or, as a
        control, flat space. The two hyperbolic models are one space, and are trained alike.
    curvature : float
        c > 0; the sectional curvature is -c. A larger c lets distances shrink, which makes the loss softer.
    n_epochs : int
        Passes over the edges.
    n_negatives : int
        Uniform negatives that the edges of a node share.
    learning_rate : float or tuple of float
        A constant, or the nodes of a piecewise linear schedule: (first, last), (first, peak, last), ...
    burn_in : int
        Epochs at the start with a tenth of the rate and of the negatives.
    hard_negatives : (float, float)
        (boost, share): in this share of the epochs, the last, the nearest non-ancestors of each node (searched exactly
        every 10 epochs) join its negatives, and count `boost` times as much as uniform draws would let them.
    negative_power : float
        Negatives are drawn with probability proportional to (1 + number of descendants) to this power.
    margin : float
        Points stay within (1 - margin) of the radius of the ball. The one projection in the training; `n_projected_`
        counts it.
    init : {"diffusion", "tree", "random"} or (n, d) array
        Where the points start: random vectors that have spread along the edges, so that nodes with common relatives
        are near each other; a small `tree_embedding` of a spanning tree; uniformly within 1e-3 of the origin; or
        the given points (of the manifold). The flat control starts at random unless it is given points.
    threads : int, optional
        By default one below 10,000 nodes, then all cores. With one, results repeat bit for bit. On a GPU a thread is a
        warp, and by default there are as many as seldom meet in a row.
    dtype : {"float64", "float32"}
        Of `embedding_`. The training is in float64 always.
    rng : int or numpy.random.Generator, optional
        Seed or generator.
    verbose : bool
        Show a progress bar.

    Attributes
    ----------
    embedding_ : (n, d) array; (n, d + 1) in the Lorentz model
        Coordinates of the nodes. A CuPy array after a `fit` of edges in one.
    labels_ : (n,) NumPy array
        What the edges call them.
    manifold_ : object of `hypergeom.manifolds`
    n_features_in_ : int
        2: an edge has two ends.
    loss_history_ : list of float
        Mean loss of an edge, for each epoch.
    seconds_ : float
        Wall time of the training.
    n_projected_ : int
        Steps that ended beyond the margin.

    References
    ----------
    .. [1] M. Nickel, D. Kiela, "Poincaré embeddings for learning hierarchical representations", NeurIPS 2017.

    Examples
    --------
    >>> from hypergeom.embed import HyperbolicEmbedding
    >>> edges = [("dog", "canine"), ("wolf", "canine"), ("cat", "feline"), ("canine", "mammal"),
    ...          ("feline", "mammal"), ("dog", "mammal"), ("wolf", "mammal"), ("cat", "mammal")]
    >>> model = HyperbolicEmbedding(2, rng=0).fit(edges)
    >>> model.embedding_.shape
    (6, 2)
    >>> float(model.distances("dog", "wolf")) < float(model.distances("dog", "cat"))
    True
    """

    embedding_: Any
    labels_: npt.NDArray[Any]
    manifold_: Manifold

    def __init__(
        self,
        n_components: int = 10,
        *,
        manifold: str = "poincare",
        curvature: float = 1.0,
        n_epochs: int = 100,
        n_negatives: int = 50,
        learning_rate: float | tuple[float, ...] = (0.02, 0.2),
        burn_in: int = 10,
        hard_negatives: tuple[float, float] = (8.0, 0.4),
        negative_power: float = 0.0,
        margin: float = 1e-9,
        init: str | npt.ArrayLike = "diffusion",
        threads: int | None = None,
        dtype: str = "float64",
        rng: int | np.random.Generator | None = None,
        verbose: bool = False,
    ) -> None:
        self.n_components = n_components
        self.manifold = manifold
        self.curvature = curvature
        self.n_epochs = n_epochs
        self.n_negatives = n_negatives
        self.learning_rate = learning_rate
        self.burn_in = burn_in
        self.hard_negatives = hard_negatives
        self.negative_power = negative_power
        self.margin = margin
        self.init = init
        self.threads = threads
        self.dtype = dtype
        self.rng = rng
        self.verbose = verbose

    # --- scikit-learn's protocol ---------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters of the constructor, by name."""
        return {name: getattr(self, name) for name in _PARAMETERS}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the constructor."""
        for name, value in params.items():
            if name not in _PARAMETERS:
                raise ValueError(f"HyperbolicEmbedding has no parameter {name!r}; it has {', '.join(_PARAMETERS)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, default in _PARAMETERS.items()
            if getattr(self, name) is not default
        ]
        return f"HyperbolicEmbedding({', '.join(changed)})"

    # --- training ------------------------------------------------------------------------------------------

    def fit(
        self,
        edges: EdgesLike,
        y: None = None,
        *,
        weights: npt.ArrayLike | None = None,
        callback: Callable[[EpochInfo], object] | None = None,
    ) -> Self:
        """Embed the nodes of a hierarchy.

        Parameters
        ----------
        edges : (m, 2) integer array, pairs of labels, networkx.DiGraph or Hierarchy
            Rows (child, parent). All that is not an edge is a negative: pass the `closure` of a hierarchy. With a CuPy
            array, the training runs on its GPU; arrays `weights` and `init` then have to lie there too.
        y : None
            Ignored; scikit-learn's convention.
        weights : (m,) array, optional
            Positive weights of the edges in the loss; those of equal edges add up.
        callback : callable, optional
            Called after each epoch with an `EpochInfo`; the training stops if it returns True.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            The edges or a parameter cannot be used; the message says which and why.

        Notes
        -----
        Ctrl-C ends the training after the current epoch: the model keeps what it has learned, then
        `KeyboardInterrupt` is raised.

        On a GPU, `edges` and `weights` come to the host once, where the lists of ancestors, the visits and the start
        (but for an `init` of points) are made as for the CPU. An epoch then sends the order of its visits, and brings
        nothing back; its loss comes after it if a callback or the progress bar wants it, and else all losses come at
        the end. `seconds_` counts until then.
        """
        with one_side("HyperbolicEmbedding.fit", {"edges": edges, "weights": weights, "init": self.init}):
            table = edge_table(to_host(edges))
            edge_weights = _edge_weights(to_host(weights), table)
            recipe = self._recipe(len(table.labels), on_gpu(edges))
            rng = np.random.default_rng(self.rng)
            self._seed, self._epoch = int(rng.integers(2**63)), 0
            start = self._start(table, rng)
            self.labels_, self.n_features_in_ = table.labels, 2
            self.manifold_ = _manifold_object(self.manifold, self.curvature)
            self.loss_history_: list[float] = []
            self.seconds_, self.n_projected_ = 0.0, 0
            self._train(self._trainer(start, table, edge_weights, recipe, on_gpu(edges)), recipe, callback)
        return self

    def partial_fit(
        self,
        edges: EdgesLike,
        y: None = None,
        *,
        weights: npt.ArrayLike | None = None,
        callback: Callable[[EpochInfo], object] | None = None,
    ) -> Self:
        """Train `n_epochs` more from where the model is, without a burn-in; parameters as in `fit`.

        An edge of a node that `fit` did not see raises `ValueError`. Without a previous `fit`, it is `fit`.
        """
        if not hasattr(self, "embedding_"):
            return self.fit(edges, weights=weights, callback=callback)
        if on_gpu(edges) != on_gpu(self.embedding_):
            sides = [f"{type(a).__module__}.{type(a).__qualname__}" for a in (self.embedding_, edges)]
            raise TypeError(f"partial_fit: the points of the model are a {sides[0]}, got edges in a {sides[1]}")
        if self.manifold_ != _manifold_object(self.manifold, self.curvature):
            raise ValueError(f"the model was fitted on {self.manifold_}: partial_fit cannot change the manifold")
        arrays = {"edges": edges, "weights": weights, "embedding_": self.embedding_}
        with one_side("HyperbolicEmbedding.partial_fit", arrays):
            table = edge_table(to_host(edges), labels=self.labels_)
            recipe = self._recipe(len(table.labels), on_gpu(edges), burn_in=0)
            start, _ = ball_and_gap(self.embedding_, self.manifold, self.curvature)
            edge_weights = _edge_weights(to_host(weights), table)
            self._train(self._trainer(start, table, edge_weights, recipe, on_gpu(edges)), recipe, callback)
        return self

    def _recipe(self, n: int, gpu: bool, burn_in: int | None = None) -> Recipe:
        _check_parameters(self)
        rate = self.learning_rate
        threads: int | None = usable_threads(self.threads)
        if self.threads is None and (gpu or n < _ONE_THREAD_BELOW):
            threads = None if gpu else 1
        return Recipe(
            n_epochs=self.n_epochs,
            n_negatives=self.n_negatives,
            learning_rate=tuple(rate) if isinstance(rate, Sequence) else (rate,),
            burn_in=self.burn_in if burn_in is None else burn_in,
            hard_negatives=(self.hard_negatives[0], self.hard_negatives[1]),
            negative_power=self.negative_power,
            margin=self.margin,
            curvature=self.curvature,
            hyperbolic=self.manifold != "euclidean",
            threads=threads,
        )

    def _start(self, table: EdgeTable, rng: np.random.Generator) -> Any:
        shape = (len(table.labels), self.n_components)
        if isinstance(self.init, str):
            if self.init == "random" or self.manifold == "euclidean":
                return rng.uniform(-_RANDOM_RADIUS, _RANDOM_RADIUS, shape)
            if self.init == "diffusion":
                return diffusion_start(table.edges, *shape, rng)
            return tree_embedding(table.edges, n_components=self.n_components, scale=_TREE_EDGE, manifold="poincare")
        points, _ = ball_and_gap(self.init, self.manifold, self.curvature)
        if points.shape != shape:
            raise ValueError(f"init must hold {shape[0]} points of dimension {shape[1]}, got {points.shape}")
        return points

    def _trainer(self, start: Any, table: EdgeTable, weights: FloatArray, recipe: Recipe, gpu: bool) -> Trainer:
        seed = self._seed + self._epoch
        if not gpu:
            return Trainer(start, table.edges, weights, recipe, seed)
        from hypergeom import _cuda
        from hypergeom.embed.device_trainer import DeviceTrainer

        return DeviceTrainer(start, table.edges, weights, recipe, seed, _cuda.cupy_device())

    def _train(self, trainer: Trainer, recipe: Recipe, callback: Callable[[EpochInfo], object] | None) -> None:
        from tqdm import tqdm

        lazy = trainer.asynchronous and callback is None and not self.verbose
        waiting: list[tuple[Any, Any, Any]] = []  # results of epochs that are not noted yet
        begin = 0.0
        try:
            with tqdm(total=recipe.n_epochs, unit="epoch", disable=not self.verbose) as bar:
                for epoch in range(recipe.n_epochs):
                    begin = begin if waiting else time.perf_counter()
                    waiting.append(trainer.epoch(epoch))
                    self._epoch += 1
                    if lazy:
                        continue
                    info = self._note(trainer, waiting, begin)
                    bar.set_postfix(loss=f"{info.loss:.4f}", refresh=False)
                    bar.update()
                    if callback is not None and callback(info) is True:
                        break
        finally:
            if waiting:
                self._note(trainer, waiting, begin)
            self._keep(trainer.points)

    def _note(self, trainer: Trainer, waiting: list[tuple[Any, Any, Any]], begin: float) -> EpochInfo:
        """Note the results of some epochs, when they are there."""
        numbers = trainer.numbers(waiting)
        seconds = time.perf_counter() - begin
        waiting.clear()
        self.seconds_ += seconds
        for loss, _, projected in numbers:
            self.loss_history_.append(loss)
            self.n_projected_ += projected
        loss, pairs, _ = numbers[-1]
        return EpochInfo(self._epoch - 1, loss, seconds, pairs / seconds)

    def _keep(self, points: Any) -> None:
        """Set `embedding_` from points of the unit ball (flat points are themselves)."""
        if self.manifold != "euclidean":
            points = points / math.sqrt(self.curvature)
        if self.manifold == "lorentz":
            points = poincare.to_lorentz(points, self.curvature)
        self.embedding_ = points.astype(self.dtype)

    # --- questions to the model -----------------------------------------------------------------------------

    def _check_fitted(self) -> None:
        if not hasattr(self, "embedding_"):
            raise ValueError("this HyperbolicEmbedding is not fitted: call fit first")

    def _node(self, label: Hashable) -> int:
        self._check_fitted()
        if getattr(self, "_numbered", None) is not self.labels_:
            self._numbered = self.labels_
            self._number = {name: k for k, name in enumerate(self.labels_.tolist())}
        try:
            return self._number[label]
        except (KeyError, TypeError):
            raise ValueError(f"unknown label {label!r}") from None

    def _points(self, labels: Any) -> Any:
        nodes = [self._node(label) for label in labels] if isinstance(labels, np.ndarray | list) else self._node(labels)
        return self.embedding_[nodes]

    def distances(self, u: Any, v: Any = None) -> Any:
        """Distances between nodes.

        Parameters
        ----------
        u : label, or list or array of labels
        v : likewise, optional
            All nodes by default.

        Returns
        -------
        array
            One distance for each pair of u and v, which broadcast; ``(..., n)`` where `v` is None.
        """
        self._check_fitted()
        with gpu_of(self.embedding_):
            x = self._points(u)
            found = self.manifold_.dist(*((x[..., None, :], self.embedding_) if v is None else (x, self._points(v))))
        return found if on_gpu(found) else np.asarray(found)

    def nearest(self, label: Hashable, k: int = 10) -> list[tuple[Any, float]]:
        """The k nodes nearest to `label`, itself not included, each with its distance."""
        return self._nearest(label, k, lambda radius, own: np.ones_like(radius, dtype=bool))

    def closest_parent(self, label: Hashable) -> Any:
        """The nearest node that is nearer to the origin, None for the one nearest to it."""
        found = self._nearest(label, 1, lambda radius, own: radius < own)
        return found[0][0] if found else None

    def closest_child(self, label: Hashable) -> Any:
        """The nearest node that is farther from the origin, None for the farthest."""
        found = self._nearest(label, 1, lambda radius, own: radius > own)
        return found[0][0] if found else None

    def ancestors(self, label: Hashable) -> list[Any]:
        """`closest_parent` repeated up to the node nearest to the origin. Read off the points, not the edges."""
        return self._chain(label, self.closest_parent)

    def descendants(self, label: Hashable) -> list[Any]:
        """`closest_child` repeated. Read off the points, not the edges."""
        return self._chain(label, self.closest_child)

    def _chain(self, label: Hashable, step: Callable[[Hashable], Any]) -> list[Any]:
        chain: list[Any] = []
        while (label := step(label)) is not None:
            chain.append(label)
        return chain

    def _nearest(
        self, label: Hashable, k: int, allowed: Callable[[FloatArray, float], npt.NDArray[np.bool]]
    ) -> list[tuple[Any, float]]:
        node = self._node(label)
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        points = to_host(self.embedding_)
        radius = np.linalg.norm(points[:, 1:] if self.manifold == "lorentz" else points, axis=1)
        candidates = allowed(radius, float(radius[node]))
        candidates[node] = False
        nodes = np.flatnonzero(candidates)
        d = to_host(self.distances(label))[nodes]
        order = np.argsort(d, kind="stable")[:k]
        return [(self.labels_[nodes[i : i + 1]].tolist()[0], float(d[i])) for i in order]

    def hierarchy_score(self, u: Any, v: Any) -> Any:
        """How much u looks like a kind of v: `hypergeom.embed.hierarchy_score` of their points."""
        self._check_fitted()
        with gpu_of(self.embedding_):
            found = hierarchy_score(self._points(u), self._points(v), manifold=self.manifold_)
        return found if on_gpu(found) else np.asarray(found)

    # --- other forms ------------------------------------------------------------------------------------------

    def to(self, manifold: str) -> Self:
        """A copy in the coordinates of the other hyperbolic model, "poincare" or "lorentz"."""
        if manifold not in ("poincare", "lorentz") or self.manifold == "euclidean":
            raise ValueError(f"cannot convert from {self.manifold!r} to {manifold!r}: need 'poincare' and 'lorentz'")
        self._check_fitted()
        copy = type(self)(**{**self.get_params(), "manifold": manifold})
        copy.__dict__.update({k: v for k, v in self.__dict__.items() if k not in _PARAMETERS})
        copy.manifold_ = _manifold_object(manifold, self.curvature)
        if manifold != self.manifold:
            convert = poincare.to_lorentz if manifold == "lorentz" else lorentz.to_poincare
            copy.embedding_ = convert(self.embedding_, self.curvature)
        return copy

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to an .npz file (no pickle inside); `load` reads it.

        Labels must be strings or integers.
        """
        self._check_fitted()
        if self.labels_.dtype.kind not in "iuU":
            raise TypeError(f"only labels that are strings or integers can be saved, got {self.labels_.dtype}")
        params = {name: value for name, value in self.get_params().items() if name != "rng"}
        if not isinstance(self.init, str):
            params["init"] = "random"  # the starting points are not part of the result
        state = {
            "format": _FORMAT,
            "params": params,
            "loss_history": self.loss_history_,
            "seconds": self.seconds_,
            "n_projected": self.n_projected_,
            "seed": self._seed,
            "epoch": self._epoch,
        }
        with replacing(Path(path)) as temporary, temporary.open("wb") as file:
            np.savez(file, embedding=to_host(self.embedding_), labels=self.labels_, state=np.array(json.dumps(state)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model that `save` wrote; `CheckpointError` if the file is not one."""
        try:
            with np.load(path, allow_pickle=False) as file:
                embedding, labels, state = file["embedding"], file["labels"], json.loads(str(file["state"]))
            if state["format"] != _FORMAT:
                raise CheckpointError(f"{path}: format {state['format']}, this version reads {_FORMAT}")
            params = state["params"]
            for name in ("learning_rate", "hard_negatives"):
                params[name] = tuple(params[name]) if isinstance(params[name], list) else params[name]
            model = cls(**params)
        except (KeyError, ValueError, TypeError, EOFError) as error:
            raise CheckpointError(f"{path}: not a saved HyperbolicEmbedding ({error})") from error
        model.embedding_, model.labels_, model.n_features_in_ = embedding, labels, 2
        model.manifold_ = _manifold_object(model.manifold, model.curvature)
        model.loss_history_, model.seconds_ = state["loss_history"], state["seconds"]
        model.n_projected_, model._seed, model._epoch = state["n_projected"], state["seed"], state["epoch"]
        return model

    def to_word2vec(self, path: str | os.PathLike[str]) -> None:
        """Write the coordinates in word2vec's text format, which many tools read. Labels must have no white space."""
        self._check_fitted()
        names = [str(label) for label in self.labels_.tolist()]
        spaced = next((name for name in names if not name or name.split() != [name]), None)
        if spaced is not None:
            raise ValueError(f"word2vec's format separates by white space, which the label {spaced!r} has")
        with replacing(Path(path)) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.write(f"{len(names)} {self.embedding_.shape[1]}\n")
            for name, row in zip(names, to_host(self.embedding_).tolist(), strict=True):
                file.write(" ".join([name, *map(repr, row)]) + "\n")


_PARAMETERS = {
    name: parameter.default
    for name, parameter in inspect.signature(HyperbolicEmbedding.__init__).parameters.items()
    if name != "self"
}


def _manifold_object(name: str, c: float) -> Manifold:
    if name == "euclidean":
        return manifolds.Euclidean()
    return manifolds.Lorentz(c) if name == "lorentz" else manifolds.PoincareBall(c)


def _check_parameters(model: HyperbolicEmbedding) -> None:
    """Raise for the first parameter that cannot be used."""

    def need(name: str, good: bool | np.bool, what: str) -> None:
        if not good:
            raise ValueError(f"{name} must be {what}, got {getattr(model, name)!r}")

    for name, least in (("n_components", 1), ("n_epochs", 1), ("n_negatives", 1), ("burn_in", 0)):
        value = getattr(model, name)
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{name} must be an integer, got {value!r}")
        need(name, value >= least, f"at least {least}")
    need("manifold", model.manifold in ("poincare", "lorentz", "euclidean"), "'poincare', 'lorentz' or 'euclidean'")
    need("curvature", 0 < model.curvature < math.inf, "positive and finite")
    rates = model.learning_rate if isinstance(model.learning_rate, Sequence) else (model.learning_rate,)
    need(
        "learning_rate", len(rates) > 0 and all(0 < r < math.inf for r in rates), "a positive number or a tuple of such"
    )
    hard = model.hard_negatives
    need(
        "hard_negatives",
        isinstance(hard, Sequence) and len(hard) == 2 and 0 <= hard[0] < math.inf and 0 <= hard[1] <= 1,
        "a pair (boost >= 0, share of the epochs in [0, 1])",
    )
    need("negative_power", math.isfinite(model.negative_power), "finite")
    need("margin", 1e-14 <= model.margin < 1, "at least 1e-14 and below 1")
    need("dtype", model.dtype in ("float64", "float32"), "'float64' or 'float32'")
    if isinstance(model.init, str):
        need(
            "init", model.init in ("diffusion", "tree", "random"), "'diffusion', 'tree', 'random' or an array of points"
        )
        if model.init == "tree" and model.n_components == 1 and model.manifold != "euclidean":
            raise ValueError("init='tree' needs n_components of at least 2, got 1: use init='random'")


def _edge_weights(weights: npt.ArrayLike | None, table: EdgeTable) -> FloatArray:
    """The weight of each distinct edge: 1, or the sum over the rows of the input that hold it."""
    if weights is None:
        return np.ones(len(table.edges))
    given = np.asarray(weights)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"weights must hold real numbers, got an array of {given.dtype}")
    if given.shape != table.index.shape:
        raise ValueError(
            f"weights must hold one number for each of the {len(table.index)} edges, got shape {given.shape}"
        )
    if not (np.isfinite(given).all() and (given > 0).all()):
        raise ValueError("weights must be positive and finite")
    return np.bincount(table.index, given.astype(np.float64), minlength=len(table.edges)).astype(np.float64)
