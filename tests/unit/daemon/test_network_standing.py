"""What this node may say: what was granted, without what its user does not want."""

from __future__ import annotations

import pytest

from kachery_core import subjects
from kachery_core.errors import RoleMissingError
from kachery_core.roles import ALL_ROLES, Role
from tests.support.channel_samples import BOB
from tests.support.scripted_link import standing

GET = subjects.get("files", BOB.public_key, "ab" * 8)
LIVE = subjects.live("feeds", "token")


def test_what_is_granted_and_enabled_may_be_said():
    everything = standing()
    everything.check_sending(f"{GET}.bulk")
    everything.check_sending(LIVE)


@pytest.mark.parametrize(
    ("subject", "role"),
    [(GET, Role.REQUEST_FILES), (f"{GET}.bulk", Role.REQUEST_FILES), (LIVE, Role.PROVIDE_FEEDS)],
)
def test_a_role_that_is_disabled_here_is_not_used_though_the_hub_would_let_it(subject, role):
    with pytest.raises(RoleMissingError, match="disabled on this node"):
        standing(disabled=frozenset({role})).check_sending(subject)
    with pytest.raises(RoleMissingError, match="does not have the role"):
        standing(roles=ALL_ROLES - {role}).check_sending(subject)
