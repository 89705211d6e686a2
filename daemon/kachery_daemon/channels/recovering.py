"""An owner that knows less than the hub: restored from a backup, or not the only one with its key.

It goes on from what the hub knows, and loses nothing that either of the two revoked. Who belongs to
the channel it learns again from the members themselves: their memberships are its own signatures.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kachery_core.errors import MembershipExpiredError, MembershipRevokedError
from kachery_core.memberships import check_membership
from kachery_core.records import read_record
from kachery_daemon.channels import decisions

if TYPE_CHECKING:
    from kachery_core.memberships import Membership
    from kachery_core.records import Record
    from kachery_core.wire.hub import Found
    from kachery_daemon.channels.owning import Owner

_log = logging.getLogger(__name__)


async def recover(owner: Owner, found: Found) -> None:
    """Go on from what the hub knows; nothing else is decided meanwhile.

    Args:
        owner: as it is.
        found: in the hub's lobby.

    Raises:
        UntrustworthyError: the channel did not sign it.
    """
    standing = owner.standing
    theirs, ours = read_record(found.record), standing.record
    _log.warning(
        "The hub knows version %d of channel %s, this node another one or an older one. Was its"
        " storage folder restored, or copied? It goes on from there.",
        theirs.version,
        standing.name,
    )
    # Also the key of an epoch that this node gave another key: nobody else uses that.
    await owner.take_found(found, as_theirs=True)
    merged = decisions.merge(owner.channel, theirs, ours, standing.clock())
    if merged is not None:
        key = decisions.new_key()
        await owner.keep(record=merged, key=(merged.epoch, key))
        await owner.change_key(merged, key)
    for member in await owner.members():
        if _is_revoked(member, standing.record):
            # Put out, or granted something else: then it shows the newer membership itself.
            await owner.keep(revoked=member.node_id)


def _is_revoked(membership: Membership, record: Record) -> bool:
    try:
        check_membership(membership, record, 0.0)
    except MembershipRevokedError:
        return True
    except MembershipExpiredError:
        return False
    return False
