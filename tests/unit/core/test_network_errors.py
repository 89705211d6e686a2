"""Errors of channels are what Python programs already know how to handle."""

import pytest

from kachery_core import network_errors
from kachery_core.errors import error_classes


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("RoleMissingError", PermissionError),
        ("MembershipRevokedError", PermissionError),
        ("MembershipExpiredError", PermissionError),
        ("NotOwnerError", PermissionError),
        ("InvalidInvitationError", ValueError),
        ("InvalidHubUrlError", ValueError),
        ("ChannelExistsError", ValueError),
        ("ChannelNotFoundError", LookupError),
        ("MemberNotFoundError", LookupError),
        ("HubUnreachableError", ConnectionError),
        ("HubNotTrustedError", ConnectionError),
        ("NoProviderError", ConnectionError),
        ("TransferStalledError", ConnectionError),
    ],
)
def test_an_error_is_also_what_python_calls_it(name, builtin):
    assert issubclass(getattr(network_errors, name), builtin)


def test_the_node_can_tell_its_client_of_each_of_them():
    codes = error_classes()
    assert codes["hub-not-trusted"] is network_errors.HubNotTrustedError
    assert codes["membership-revoked"] is network_errors.MembershipRevokedError
