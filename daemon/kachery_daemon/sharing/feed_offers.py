"""Offers of feeds and subfeeds: a length counts only with its writer's signature."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from kachery_core.capabilities import feed_discovery, feed_key, subfeed_discovery, subfeed_key_of
from kachery_core.errors import BadEnvelopeError, BadSignatureError
from kachery_core.machines.replication import Source
from kachery_core.messages import Head, SubfeedKey, check_head
from kachery_core.wire.node import unpack
from kachery_core.wire.node_feeds import FeedFacts, FeedOffers, HeadFacts, unseal_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kachery_core.wire.node_feeds import FeedOffer

_log = logging.getLogger(__name__)


class Offer(msgspec.Struct, frozen=True):
    """Somebody has a subfeed, or a feed (then without a head)."""

    what: SubfeedKey | str
    source: Source
    head: Head
    is_writer: bool
    is_forked: bool


def discovery_of(what: SubfeedKey | str) -> bytes:
    """What a subfeed, or a feed by its public key, is looked for by."""
    return feed_discovery(what) if isinstance(what, str) else subfeed_discovery(what)


def true_offers(
    channel: str, node: str, body: bytes, wanted: Mapping[bytes, SubfeedKey | str]
) -> list[Offer]:
    """What is offered in an answer, as far as it is true; the rest is left out.

    Args:
        channel: where the answer came from.
        node: who answered.
        body: the answer.
        wanted: what was looked for, by discovery keys.
    """
    found = []
    try:
        offers = unpack(body, FeedOffers)
    except BadEnvelopeError as problem:
        _log.debug("an answer of %s was of no use: %s", node, problem)
        return []
    source = Source(channel, node, offers.instance)
    for offer in offers.offers:
        what = wanted.get(offer.discovery)
        if what is None:
            continue
        try:
            found.append(_true_offer(what, source, offer))
        except (BadEnvelopeError, BadSignatureError) as problem:
            _log.info("a false offer of %s for %s: %s", node, what, problem)
    return found


def _true_offer(what: SubfeedKey | str, source: Source, offer: FeedOffer) -> Offer:
    if isinstance(what, str):
        about = unseal_facts(feed_key(what), offer.discovery, offer.note, FeedFacts)
        return Offer(what, source, Head(), about.is_writer, is_forked=False)
    facts = unseal_facts(subfeed_key_of(what), offer.discovery, offer.note, HeadFacts)
    return Offer(what, source, checked_head(what, facts), facts.is_writer, facts.is_forked)


def checked_head(key: SubfeedKey, facts: HeadFacts) -> Head:
    """The head in facts, if the feed's writer signed it.

    Raises:
        BadSignatureError: it did not.
    """
    if facts.length == 0:
        return Head()
    head = Head(facts.length, facts.entry)
    check_head(key, head, facts.signature)
    return head
