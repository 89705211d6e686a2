"""Errors of channels: what other nodes, their hub and their memberships can do to a user.

Part of the tree in `kachery_core.errors`, and imported from there.
"""

from __future__ import annotations

from kachery_core.error_kinds import (
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    OverLimitError,
    UnavailableError,
    UntrustworthyError,
)


class InvalidInvitationError(InvalidInputError):
    """The invitation is damaged, or for another node."""


class InvalidHubUrlError(InvalidInputError):
    """This is not the URL of a hub."""


class ChannelExistsError(InvalidInputError):
    """This node already has a channel of this name."""


class ChannelNotFoundError(NotFoundError):
    """This node is not in such a channel."""


class MemberNotFoundError(NotFoundError):
    """The channel has no such member."""


class RoleMissingError(NotAllowedError):
    """The role this needs is not granted in the channel, or not enabled on this node."""


class MembershipRevokedError(NotAllowedError):
    """The channel's owner revoked this membership."""


class MembershipExpiredError(NotAllowedError):
    """This membership has ended and was not renewed."""


class NotOwnerError(NotAllowedError):
    """Only the channel's owner may do this."""


class HubUnreachableError(UnavailableError):
    """The hub of a channel does not answer."""


class HubNotTrustedError(UnavailableError):
    """The hub does not have the certificate that its URL names."""


class SharingOffError(UnavailableError):
    """This node's user has turned sharing off."""


class HubProgramMissingError(UnavailableError):
    """There is no nats-server that a hub could start."""


class NoProviderError(UnavailableError):
    """Nobody who has the content is present and may provide it."""


class TransferStalledError(UnavailableError):
    """No bytes arrive any more."""


class TransferCancelledError(UnavailableError):
    """The transfer was given up before its end."""


class BadEnvelopeError(UntrustworthyError):
    """A sealed message that is damaged, or not from who it should be."""


class BadMembershipError(UntrustworthyError):
    """A membership or record that its channel did not sign, or that makes no sense."""


class BadChunkError(UntrustworthyError):
    """Another node sent bytes that are not the content."""


class TooBusyError(OverLimitError):
    """Another node has more to do than it accepts; ask again later."""
