import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hypergeom


def run(script, **options):
    return subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, timeout=120, **options)


@pytest.mark.parametrize(
    "module",
    ["hypergeom", "hypergeom.poincare", "hypergeom.lorentz", "hypergeom.polar", "hypergeom.optim", "hypergeom.check"],
)
def test_import_loads_nothing_heavy(module):
    done = run(
        f"import sys, {module}\n"
        "heavy = 'scipy matplotlib networkx tqdm cupy torch jax dask pandas sklearn'.split()\n"
        "print(sorted(set(heavy) & set(sys.modules)))"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_row_functions_on_numpy_load_nothing_heavy():
    done = run(
        "import sys\n"
        "import numpy as np\n"
        "from hypergeom import lorentz, poincare\n"
        "poincare.dist([0.1, 0.2], [0.3, 0.4], c=np.ones(3))\n"
        "lorentz.exp_vjp(*np.ones((3, 5, 3), np.float32))\n"
        "print(sorted({'scipy', 'cupy', 'torch', 'hypergeom._cuda'} & set(sys.modules)))"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_public_names():
    assert {"check", "errors", "lorentz", "optim", "poincare", "polar", "threads"} <= set(hypergeom.__all__)
    for name in ("check", "poincare", "lorentz", "optim", "polar", "errors"):
        assert getattr(hypergeom, name).__name__ == f"hypergeom.{name}"
    assert hypergeom.__version__ == importlib.metadata.version("hypergeom")
    with pytest.raises(AttributeError, match="no_such_name"):
        hypergeom.no_such_name  # noqa: B018


def test_errors_have_one_base():
    errors = hypergeom.errors
    for name in errors.__all__:
        error = getattr(errors, name)
        assert issubclass(error, UserWarning if name.endswith("Warning") else errors.HypergeomError)
    assert issubclass(errors.NotOnManifoldError, ValueError)
    assert issubclass(errors.UnreachableAccuracyError, ValueError)
    for error in (errors.ConvergenceError, errors.NoJPolarError):
        assert issubclass(error, np.linalg.LinAlgError)


def test_source_tree_without_the_compiled_core_says_what_to_do(tmp_path):
    source = Path(hypergeom.__file__).parent
    for name in ("__init__.py", "__init__.pyi", "_core/__init__.py"):
        target = tmp_path / "hypergeom" / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(source / name, target)
    done = run(
        "import importlib.machinery, sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        # without the finder of an editable install
        "sys.meta_path[:] = [f for f in sys.meta_path if f in vars(importlib.machinery).values()]\n"
        "import hypergeom"
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "ImportError: the compiled core of hypergeom is missing: run `pip install .`"
    )
