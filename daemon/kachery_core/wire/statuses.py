"""The HTTP status of each error: the same at the node's door and behind Jupyter's."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING

from kachery_core.errors import (
    InvalidInputError,
    InvalidRangeError,
    KacheryError,
    NotAllowedError,
    NotFoundError,
    OverLimitError,
    StorageFullError,
    UnavailableError,
    UntrustworthyError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATUS: Sequence[tuple[type[KacheryError], http.HTTPStatus]] = (
    (InvalidRangeError, http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE),
    (InvalidInputError, http.HTTPStatus.BAD_REQUEST),
    (NotFoundError, http.HTTPStatus.NOT_FOUND),
    (NotAllowedError, http.HTTPStatus.FORBIDDEN),
    (UnavailableError, http.HTTPStatus.SERVICE_UNAVAILABLE),
    (StorageFullError, http.HTTPStatus.INSUFFICIENT_STORAGE),
    (OverLimitError, http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UntrustworthyError, http.HTTPStatus.CONFLICT),
)


def status_of(error: KacheryError) -> int:
    """The HTTP status of an error, by its class; 500 for a bug of ours."""
    for error_class, status in _STATUS:
        if isinstance(error, error_class):
            return status
    return http.HTTPStatus.INTERNAL_SERVER_ERROR
