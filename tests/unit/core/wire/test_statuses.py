"""The HTTP status of each error."""

from kachery_core.errors import (
    DaemonNotRunningError,
    InternalError,
    InvalidRangeError,
    InvalidUriError,
    StorageFullError,
    TooLargeError,
    error_classes,
)
from kachery_core.wire.statuses import status_of


def test_an_error_has_the_status_of_whose_fault_it_is() -> None:
    assert status_of(InvalidUriError("")) == 400
    assert status_of(DaemonNotRunningError("")) == 503
    assert status_of(TooLargeError("")) == 413
    assert status_of(InternalError("")) == 500


def test_what_http_has_a_word_of_its_own_for_gets_it() -> None:
    assert status_of(InvalidRangeError("")) == 416
    assert status_of(StorageFullError("")) == 507


def test_only_bugs_are_the_nodes_own_fault() -> None:
    ours = {code for code, each in error_classes().items() if status_of(each("")) == 500}
    assert ours <= {"internal", "kachery"}
