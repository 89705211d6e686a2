# mypy: implicit-reexport
"""Every error a user can meet, in one tree ordered by whose fault it is.

KacheryError                       code · message · hint · fields
├── InvalidInputError (ValueError)        the caller's mistake
│   ├── InvalidUriError                   not a URI of ours, or a wrong digest length
│   ├── InvalidPathError                  a path that cannot be stored
│   │   ├── PathNotFoundError             there is nothing at the path
│   │   ├── PathIsFolderError             a folder where a file is expected
│   │   └── PathUnreadableError           the file may not be read
│   ├── FeedExistsError                   a feed of this name is already here
│   ├── InvalidInvitationError            an invitation that is damaged, or for another node
│   ├── InvalidHubUrlError                not the URL of a hub
│   ├── ChannelExistsError                a channel of this name is already here
│   ├── NotStreamableError                an array that has no form in a packet
│   ├── InvalidRangeError                 start or end outside the content
│   └── InvalidRequestError               a request the node does not understand
├── NotFoundError (LookupError)           nobody here has it
│   ├── ContentNotFoundError              the content is not in the store
│   ├── FeedNotFoundError                 the feed is not on this node
│   ├── ChannelNotFoundError              this node is not in such a channel
│   ├── MemberNotFoundError               the channel has no such member
│   └── EndpointNotFoundError             the node has no such address
├── NotAllowedError (PermissionError)     somebody may, but not you
│   ├── FeedNotWriteableError             this node does not hold the feed's key, or it is retired
│   ├── WrongTokenError                   the request does not prove who asks
│   ├── RoleMissingError                  a role that is not granted, or not enabled here
│   ├── MembershipRevokedError            the channel's owner took the membership back
│   ├── MembershipExpiredError            the membership ended and was not renewed
│   ├── NotOwnerError                     only the channel's owner may do this
│   └── OwnerOnlyError                    only the node's owner may do this
├── UnavailableError (ConnectionError)    the world is not ready
│   ├── DaemonNotRunningError             no node answers
│   ├── WrongDaemonError                  something answers that is not our node
│   ├── StorageMismatchError              the node keeps another storage folder than you named
│   ├── PortTakenError                    another program has the node's port
│   ├── StorageInUseError                 another node already keeps this storage folder
│   ├── StorageReadOnlyError              the storage folder cannot be written
│   ├── StorageFailedError                the disk under the storage folder failed
│   ├── StorageVersionError               a newer kachery wrote the storage folder
│   ├── HubUnreachableError               the hub of a channel does not answer
│   ├── HubNotTrustedError                the hub has not the certificate its URL names
│   ├── SharingOffError                   this node's user has turned sharing off
│   ├── HubProgramMissingError            no nats-server to start a hub with
│   ├── NoProviderError                   nobody who has it is present and may provide it
│   ├── TransferStalledError              no bytes arrive any more
│   ├── TransferCancelledError            given up before its end
│   ├── AddressTakenError                 the address cannot be published at
│   ├── StreamTimeoutError                nobody came, or nothing was published, in time
│   ├── StreamClosedError                 a publisher or subscriber that was closed before
│   ├── ExtraMissingError                 a library that this needs is not installed
│   └── OfflineError                      not possible without a node
├── UntrustworthyError                    bytes that are not what they should be
│   ├── ContentDamagedError               stored bytes no longer match their name
│   ├── MalformedContentError             content that is not of the format asked for
│   │   └── UnsafePickleError             a pickle that wants more than plain data
│   ├── BadSignatureError                 not signed by the feed's writer
│   ├── BrokenChainError                  messages that do not continue their feed
│   ├── FeedForkedError                   two histories of one feed, both signed
│   ├── FeedRollbackError                 the feed here is older than what was seen of it
│   ├── HashCollisionError                two contents with one SHA-1
│   ├── KeyUnsafeError                    a key that others may read, or that is none
│   ├── BadEnvelopeError                  a message not sealed or signed as it should be
│   ├── BadMembershipError                not what the channel signed
│   ├── BadChunkError                     bytes from another node that are not the content
│   ├── BadPacketError                    a packet of a stream that is damaged or hostile
│   ├── StreamGapError                    packets of a stream that were lost
│   └── LinkedFileChangedError            a linked file is not the file that was linked
├── OverLimitError                        more than there is room for
│   ├── StorageFullError                  no space left where the bytes should go
│   ├── TooBusyError                      another node has more to do than it accepts
│   └── TooLargeError                     larger than is accepted
└── InternalError                         a bug of ours, logged under its number
"""

from __future__ import annotations

from kachery_core.error_kinds import (  # noqa: F401 - one address for all errors
    InternalError,
    InvalidInputError,
    KacheryError,
    NotAllowedError,
    NotFoundError,
    OverLimitError,
    UnavailableError,
    UntrustworthyError,
    error_classes,
    error_from_wire,
    error_to_wire,
)
from kachery_core.network_errors import (  # noqa: F401
    BadChunkError,
    BadEnvelopeError,
    BadMembershipError,
    ChannelExistsError,
    ChannelNotFoundError,
    HubNotTrustedError,
    HubProgramMissingError,
    HubUnreachableError,
    InvalidHubUrlError,
    InvalidInvitationError,
    MemberNotFoundError,
    MembershipExpiredError,
    MembershipRevokedError,
    NoProviderError,
    NotOwnerError,
    RoleMissingError,
    SharingOffError,
    TooBusyError,
    TransferCancelledError,
    TransferStalledError,
)
from kachery_core.stream_errors import (  # noqa: F401
    AddressTakenError,
    BadPacketError,
    ExtraMissingError,
    NotStreamableError,
    StreamClosedError,
    StreamGapError,
    StreamTimeoutError,
)


class InvalidUriError(InvalidInputError):
    """This is not a kachery URI."""


class InvalidPathError(InvalidInputError, OSError):
    """This path cannot be stored."""


class PathNotFoundError(InvalidPathError, FileNotFoundError):
    """There is nothing at this path."""


class PathIsFolderError(InvalidPathError, IsADirectoryError):
    """This path is a folder where a file is expected."""


class PathUnreadableError(InvalidPathError, PermissionError):
    """This file may not be read."""


class FeedExistsError(InvalidInputError):
    """A feed of this name is already here."""


class InvalidRangeError(InvalidInputError):
    """The byte range lies outside the content."""


class InvalidRequestError(InvalidInputError):
    """The node does not understand the request."""


class FeedNotFoundError(NotFoundError):
    """The feed is not on this node."""


class ContentNotFoundError(NotFoundError):
    """The content is not in the store."""


class EndpointNotFoundError(NotFoundError):
    """The node has nothing at this address."""


class FeedNotWriteableError(NotAllowedError):
    """Nobody can append to this feed here."""


class WrongTokenError(NotAllowedError):
    """The request does not prove who asks."""


class OwnerOnlyError(NotAllowedError):
    """Only the node's owner may do this."""


class DaemonNotRunningError(UnavailableError):
    """No kachery node is running."""


class WrongDaemonError(UnavailableError):
    """Something answers on the node's port, and it is not a node to trust."""


class StorageMismatchError(UnavailableError):
    """The running node keeps another storage folder than the one named here."""


class PortTakenError(UnavailableError):
    """Another program has the port the node should have."""


class StorageInUseError(UnavailableError):
    """Another node already keeps this storage folder."""


class StorageReadOnlyError(UnavailableError):
    """The storage folder cannot be written."""


class StorageFailedError(UnavailableError):
    """The disk under the storage folder reported an error."""


class StorageVersionError(UnavailableError):
    """A newer kachery wrote this storage folder."""


class OfflineError(UnavailableError):
    """This needs a running node."""


class ContentDamagedError(UntrustworthyError):
    """Stored bytes no longer match their name."""


class MalformedContentError(UntrustworthyError, ValueError):
    """The content is not of the format it is loaded as."""


class UnsafePickleError(MalformedContentError):
    """The pickle wants more than plain data."""


class BadSignatureError(UntrustworthyError):
    """The feed's writer did not sign this."""


class BrokenChainError(UntrustworthyError):
    """Messages that do not continue their feed."""


class FeedForkedError(UntrustworthyError):
    """Two histories of one feed exist, both signed by its writer."""


class FeedRollbackError(UntrustworthyError):
    """The feed on this disk is older than what was already seen of it."""


class HashCollisionError(UntrustworthyError):
    """Two different contents have the same SHA-1."""


class KeyUnsafeError(UntrustworthyError):
    """A secret file that others may read, or that holds no key."""


class LinkedFileChangedError(UntrustworthyError):
    """A linked file is not the file that was linked."""


class StorageFullError(OverLimitError, OSError):
    """No space is left for the bytes."""


class TooLargeError(OverLimitError):
    """Larger than is accepted."""
