"""What streams need beyond kachery itself, and what to do where it is missing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from kachery_core.errors import ExtraMissingError

_INSTALLED_AS = {"zmq": "pyzmq", "h5py": "h5py", "xarray": "xarray", "xdas": "xdas"}
_HINT = "pip install 'kachery-jupyter[streams]'"


def require(*modules: str) -> None:
    """Make sure that these can be imported; and that HDF5 knows hdf5plugin's filters, if there.

    Raises:
        ExtraMissingError: one is not installed.
    """
    missing = [_INSTALLED_AS[name] for name in modules if find_spec(name) is None]
    if missing:
        raise ExtraMissingError(
            f"Streams need {', '.join(missing)}, which is not installed here.",
            hint="pip install xdas" if missing == ["xdas"] else _HINT,
            missing=missing,
        )
    if "h5py" in modules and find_spec("hdf5plugin") is not None:
        import_module("hdf5plugin")
