"""Checkpoints: all that a run needs to go on bit for bit, in one file that is complete or not there."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Any

import array_api_compat
import numpy as np

from hypergeom._files import replacing
from hypergeom._gpus import to_host
from hypergeom.errors import CheckpointError
from hypergeom.optim.conjugate_gradient import RCGState
from hypergeom.optim.lbfgs import RLBFGSState
from hypergeom.optim.muon import MuonState
from hypergeom.optim.objective import Iterate
from hypergeom.optim.radam import RAdamState
from hypergeom.optim.rsgd import RSGDState
from hypergeom.optim.trust_region import TrustRegionState

__all__ = ["FORMAT", "read", "write"]

FORMAT = 1
_KINDS = {
    kind.__name__: kind for kind in (Iterate, MuonState, RAdamState, RCGState, RLBFGSState, RSGDState, TrustRegionState)
}


def write(path: Path, fingerprint: dict[str, Any], content: dict[str, Any]) -> None:
    """Write an .npz file that takes the place of `path` at once.

    `content` may hold arrays, numbers, strings, None, lists, tuples, dicts, and the states of the methods.
    """
    arrays: dict[str, Any] = {}
    described = {"format": FORMAT, "fingerprint": fingerprint, "content": _described(content, arrays)}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, checkpoint=np.asarray(json.dumps(described)), **arrays)


def read(path: Path, fingerprint: dict[str, Any], like: Any) -> dict[str, Any]:
    """The content of a file, with arrays in the library and on the device of `like`.

    Raises
    ------
    CheckpointError
        The file is damaged, of another format, or of a run with another fingerprint.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        described = json.loads(str(arrays.pop("checkpoint")))
        version, theirs = described["format"], described["fingerprint"]
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, OSError, EOFError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"resume: {path} is not a complete checkpoint: {error}") from error
    if version != FORMAT:
        raise CheckpointError(f"resume: {path} has format {version}, and this version reads format {FORMAT}")
    ours = json.loads(json.dumps(fingerprint))
    for key in {**ours, **theirs}:
        if ours.get(key) != theirs.get(key):
            raise CheckpointError(
                f"resume: {path} belongs to another run: its {key} is {theirs.get(key)}, and here it is {ours.get(key)}"
            )
    xp, device = array_api_compat.array_namespace(like), array_api_compat.device(like)
    content: dict[str, Any] = _restored(described["content"], arrays, lambda a: xp.asarray(a, device=device))
    return content


def _described(value: Any, arrays: dict[str, Any]) -> Any:
    """JSON of a value; its arrays get names in `arrays`."""
    if value is None or (isinstance(value, (bool, int, float, str)) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, list):
        return [_described(part, arrays) for part in value]
    if isinstance(value, tuple):
        return {"tuple": [_described(part, arrays) for part in value]}
    if isinstance(value, dict):
        return {"dict": [[_described(key, arrays), _described(part, arrays)] for key, part in value.items()]}
    if dataclasses.is_dataclass(value) and type(value).__name__ in _KINDS:
        parts = {field.name: _described(getattr(value, field.name), arrays) for field in dataclasses.fields(value)}
        return {type(value).__name__: parts}
    name = f"a{len(arrays)}"
    host = to_host(value)
    if array_api_compat.is_torch_array(host):
        host = host.detach().cpu().numpy()
    arrays[name] = np.array(host)
    return {"numpy" if isinstance(value, (np.ndarray, np.generic)) else "array": name}


def _restored(value: Any, arrays: dict[str, Any], as_ours: Any) -> Any:
    if isinstance(value, list):
        return [_restored(part, arrays, as_ours) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, inside),) = value.items()
    if kind in ("numpy", "array"):
        return arrays[inside] if kind == "numpy" else as_ours(arrays[inside])
    if kind == "tuple":
        return tuple(_restored(part, arrays, as_ours) for part in inside)
    if kind == "dict":
        return {_restored(k, arrays, as_ours): _restored(part, arrays, as_ours) for k, part in inside}
    return _KINDS[kind](**{name: _restored(part, arrays, as_ours) for name, part in inside.items()})
