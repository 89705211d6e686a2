"""The kinds of errors are one place in the tree, whichever module they are imported from."""

import pytest

from kachery_core import error_kinds, errors, network_errors
from kachery_core.error_kinds import InternalError, KacheryError, UnavailableError


@pytest.mark.parametrize(
    "error_class",
    [each for each in errors.error_classes().values() if each.__module__.startswith("kachery_")],
)
def test_every_error_is_of_a_kind_and_found_in_one_module(error_class):
    kinds = KacheryError.__subclasses__()
    assert sum(issubclass(error_class, kind) for kind in kinds) == 1
    assert getattr(errors, error_class.__name__) is error_class


def test_kinds_alone_are_errors_too():
    assert error_kinds.error_from_wire({"code": "internal"}).__class__ is InternalError
    assert isinstance(UnavailableError("Later."), ConnectionError)


def test_errors_from_other_nodes_are_known_to_whoever_knows_any_error():
    for name in vars(network_errors):
        if name.endswith("Error"):
            assert getattr(errors, name) is getattr(network_errors, name)
