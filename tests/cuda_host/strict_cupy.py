"""A stand-in for CuPy with two GPUs: arrays in host memory, kernels in the emulation.

It is stricter than CuPy. What would copy between the host and a GPU raises `TransferError`, but within `transfers`,
which lists it: conversions to Python and NumPy and results of unknown size one way, arrays from Python and NumPy,
numbers too, the other way. An operation on arrays of another GPU than the current one raises, where CuPy may reach
for the memory of a neighbour.
"""

import contextlib
import sys
import types

import numpy as np
from cuda_host import emulation

GPUS = 2


class TransferError(AssertionError):
    """A copy between host and GPU that nobody announced."""


class _State:
    current = 0
    log = None  # the list of the transfers that are allowed now
    reverse = False  # the order of the threads in kernels
    launches = None


@contextlib.contextmanager
def transfers():
    """Where transfers are allowed; gives the list of them, as ("to host" or "to GPU", number of entries)."""
    outer, _State.log = _State.log, []
    try:
        yield _State.log
    finally:
        _State.log = outer


def _transfer(direction, what, size):
    if _State.log is None:
        raise TransferError(f"{direction}: {what}")
    _State.log.append((direction, size))


class Device:
    def __init__(self, id=None):
        self.id = _State.current if id is None else id.id if isinstance(id, Device) else int(id)
        self.attributes = {"MultiProcessorCount": 1}
        self._before = []
        assert 0 <= self.id < GPUS

    def __enter__(self):
        self._before.append(_State.current)
        _State.current = self.id
        return self

    def __exit__(self, *_):
        _State.current = self._before.pop()

    def __eq__(self, other):
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self):
        return self.id

    def __repr__(self):
        return f"<CUDA Device {self.id}>"


def _unwrapped(value):
    """The host arrays in the arguments of a function, which all lie on the current GPU."""
    if isinstance(value, ndarray):
        if value.device.id != _State.current:
            raise ValueError(f"array on GPU {value.device.id}, the current one is {_State.current}")
        return value.host
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, (tuple, list)):
        return type(value)(map(_unwrapped, value))
    if isinstance(value, dict):
        return {name: _unwrapped(a) for name, a in value.items()}
    return value


def _wrapped(value):
    """Arrays, and what NumPy makes a number of, as arrays of the current GPU."""
    if isinstance(value, (np.ndarray, np.generic, bool)):
        return ndarray(np.asarray(value))
    if isinstance(value, (tuple, list)):
        parts = map(_wrapped, value)
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _host_key(key):
    if isinstance(key, tuple):
        return tuple(map(_host_key, key))
    return key.host if isinstance(key, ndarray) else key


def _on_gpu(function):
    def run(*args, **keywords):
        with np.errstate(all="ignore"):  # a GPU raises no floating-point error
            return _wrapped(function(*_unwrapped(args), **_unwrapped(keywords)))

    run.__name__ = getattr(function, "__name__", "function")
    return run


def _to_host(what):
    def convert(self, *args):
        _transfer("to host", what, self.size)
        found = getattr(self.host, what)(*args)
        return np.array(found) if isinstance(found, np.ndarray) else found

    return convert


_VIEWS = {"reshape", "transpose", "swapaxes", "squeeze", "view"}


class ndarray:  # noqa: N801 - as cupy.ndarray
    """An array of the GPU that was the current one when it was made."""

    __array_ufunc__ = None  # NumPy leaves operators to this class

    def __init__(self, host, device=None):
        self.host, self.device = host, device or Device()

    @property
    def data(self):
        return types.SimpleNamespace(ptr=self.host.ctypes.data)

    def astype(self, dtype, copy=True):
        if not copy and dtype == self.dtype:
            return self
        return _method(self, "astype")(dtype)

    def __getitem__(self, key):
        keys = key if isinstance(key, tuple) else (key,)
        if any(isinstance(k, ndarray) and k.dtype.kind == "b" for k in keys):
            _transfer("to host", "the number of selected entries", 1)
        found = np.asarray(self.host[_host_key(key)])
        if np.may_share_memory(found, self.host) or found.size == 0:
            return ndarray(found, self.device)  # a view
        return _on_gpu(self.host.__getitem__)(key)

    def __setitem__(self, key, value):
        self.host.__setitem__(_unwrapped(key), _unwrapped(value))

    def __len__(self):
        return len(self.host)

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __bool__(self):
        _transfer("to host", "__bool__", self.size)
        return bool(self.host)

    def __array__(self, dtype=None, copy=None):  # CuPy never allows it
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def get(self):
        _transfer("to host", "get", self.size)
        return self.host.copy()

    def __getattr__(self, name):
        if name.startswith("_") or name in ("ctypes", "tofile", "dump", "dumps", "tobytes"):
            raise AttributeError(name)
        value = getattr(self.host, name)
        if name in _VIEWS:
            return lambda *args: ndarray(value(*args), self.device)
        if callable(value):
            return _method(self, name)
        return ndarray(value, self.device) if isinstance(value, np.ndarray) else value


for _name in ("__float__", "__int__", "__index__", "__complex__", "item", "tolist", "__repr__", "__format__"):
    setattr(ndarray, _name, _to_host(_name))
_BOTH_SIDES = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
_ONE_SIDE = ("neg", "pos", "abs", "invert", "lt", "le", "eq", "ne", "gt", "ge")
for _name in (*_ONE_SIDE, *(side + name for side in ("", "r", "i") for name in _BOTH_SIDES)):
    setattr(ndarray, f"__{_name}__", lambda self, *other, name=f"__{_name}__": _operate(self, name, other))
ndarray.__hash__ = None


def _method(self, name):
    return _on_gpu(getattr(_unwrapped(self), name))


def _operate(self, name, other):
    return _method(self, name)(*other)


class RawModule:
    def __init__(self, code, options):
        assert code and all(isinstance(option, str) for option in options)
        self.options = options

    def get_function(self, name):
        def launch(grid, block, args, shared_mem=0):
            # CuPy passes these by value, and takes no other for a struct
            assert all(isinstance(a, np.ndarray) and a.size == 1 for a in args)
            _State.launches.append((name, grid, block, shared_mem, _State.current))
            plain = (source for source, names in emulation.PLAIN_KERNELS.items() if name in names)
            source = next(plain, "pairwise.cu" if "_cdist_" in name else "row_ops.cu")
            library = emulation.library_with(source, name)
            library.launch(name, grid, block, *args, shared=shared_mem, reverse=_State.reverse)

        return launch


def _from_host(name):
    make = getattr(np, name)

    def run(a, *args, **keywords):
        if not isinstance(a, ndarray):
            _transfer("to GPU", name, np.size(a))
            keywords.pop("blocking", None)
            return ndarray(np.array(a, *args, **keywords))
        return _wrapped(make(_unwrapped(a), *args, **keywords))

    return run


def _with_sync(function):
    def run(*args, **keywords):
        if function is not np.where or len(args) == 1:
            _transfer("to host", f"the size of the result of {function.__name__}", 1)
        return _on_gpu(function)(*args, **keywords)

    return run


# What says something of arrays, not of their entries.
_METADATA = {
    "broadcast_shapes",
    "can_cast",
    "finfo",
    "iinfo",
    "isdtype",
    "isscalar",
    "issubdtype",
    "ndim",
    "promote_types",
}
_METADATA |= {"shape", "size"}
_FROM_HOST = {"array", "asarray", "ascontiguousarray", "asfortranarray"}
_OF_UNKNOWN_SIZE = {
    "argwhere",
    "flatnonzero",
    "nonzero",
    "unique",
    "where",
    "compress",
    "extract",
    "setdiff1d",
    "union1d",
}
_OF_THE_HOST = {"load", "save", "savez", "savetxt", "loadtxt", "fromfile", "frombuffer", "errstate", "seterr", "geterr"}


def _fill(module, source):
    for name in dir(source):
        value = getattr(source, name)
        if name.startswith("_") or isinstance(value, types.ModuleType) or name in _OF_THE_HOST:
            continue
        if name in _METADATA or isinstance(value, type) or not callable(value):
            setattr(module, name, value)
        elif name in _FROM_HOST:
            setattr(module, name, _from_host(name))
        elif name in _OF_UNKNOWN_SIZE:
            setattr(module, name, _with_sync(value))
        else:
            setattr(module, name, _on_gpu(value))


def _result_type(*args):
    return np.result_type(*(a.dtype if isinstance(a, ndarray) else a for a in args))


def _modules():
    cupy, linalg, fft, cuda = (types.ModuleType(name) for name in ("cupy", "cupy.linalg", "cupy.fft", "cupy.cuda"))
    for module, source in ((cupy, np), (linalg, np.linalg), (fft, np.fft)):
        _fill(module, source)
    runtime = types.SimpleNamespace(getDevice=lambda: _State.current, getDeviceCount=lambda: GPUS)
    cuda.Device, cuda.runtime, cuda.__path__ = Device, runtime, []
    device = types.ModuleType("cupy.cuda.device")
    device.Device = Device
    cupy.ndarray, cupy.RawModule, cupy.result_type = ndarray, RawModule, _result_type
    cupy.linalg, cupy.fft, cupy.cuda = linalg, fft, cuda
    cupy.asnumpy = lambda a: a.get()
    for name in ("abs", "max", "min", "round"):
        setattr(cupy, name, _on_gpu(getattr(np, name)))
    cupy.__path__ = []
    return {module.__name__: module for module in (cupy, linalg, fft, cuda, device)}


MODULES = _modules()
_compat = {}  # the namespace of array_api_compat over this module, which it remembers by the class of the arrays


@contextlib.contextmanager
def installed():
    """This module as `cupy`; whatever was imported as that before is put back."""
    from hypergeom._cuda import device

    def ours(name):
        return name.partition(".")[0] == "cupy" or name.startswith("array_api_compat.cupy")

    def forget():
        for cached in (device.cupy_device, device.filling_blocks, device.compiled):
            cached.cache_clear()

    before = {name: module for name, module in sys.modules.items() if ours(name)}
    for name in before:
        del sys.modules[name]
    sys.modules |= MODULES | _compat
    forget()
    _State.launches = []
    try:
        yield MODULES["cupy"]
    finally:
        _compat.update({name: module for name, module in sys.modules.items() if ours(name)})
        for name in _compat:
            sys.modules.pop(name, None)
        sys.modules |= before
        forget()


def launches():
    """(name, grid, block, shared memory, GPU) of every launch since the module was installed."""
    return _State.launches
