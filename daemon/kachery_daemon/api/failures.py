"""How errors leave the node: the user's words outside, the details in the log."""

from __future__ import annotations

import errno
import http
import logging
import secrets

import msgspec
from tornado.web import HTTPError

from kachery_core.errors import (
    EndpointNotFoundError,
    InternalError,
    InvalidRequestError,
    KacheryError,
    UnavailableError,
    error_to_wire,
)

_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE}
_log = logging.getLogger(__name__)


def error_for(problem: BaseException | None, status: int) -> KacheryError:
    """The error to send for whatever went wrong; what we did not foresee goes to the log."""
    if isinstance(problem, KacheryError):
        return problem
    if isinstance(problem, OSError) and problem.errno in _OUT_OF_FILES:
        return UnavailableError(
            "The node has too many files and connections open.",
            hint="Try again in a moment; `ulimit -n` sets the limit.",
        )
    if isinstance(problem, HTTPError) and status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
        if status == http.HTTPStatus.NOT_FOUND:
            return EndpointNotFoundError("The node has nothing at this address.")
        reason = problem.reason or http.HTTPStatus(status).phrase
        return InvalidRequestError(f"The node does not understand this: {reason}.")
    return report(problem)


def report(problem: BaseException | None) -> InternalError:
    """Log a failure of ours under a number; the error that carries the number out."""
    incident = secrets.token_hex(4)
    _log.error("incident %s", incident, exc_info=problem)
    return InternalError(
        f"The node failed (incident {incident}).",
        hint="Its log has the details; please report them.",
        incident=incident,
    )


def to_wire(error: KacheryError) -> bytes:
    """The body that carries an error."""
    return msgspec.json.encode({"error": error_to_wire(error)})
