"""Who offers a content, what each says of it, and who is not asked any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    BadChunkError,
    KacheryError,
    NoProviderError,
    StorageFullError,
    TransferStalledError,
)
from kachery_core.manifests import LARGEST_MANIFEST, Chunk, Manifest

if TYPE_CHECKING:
    from kachery_core.manifests import ReadTable

# More nodes than this do not make anything faster.
_MOST_PROVIDERS = 32
_LONGEST_REST = 8.0
# A row of a table has about 110 bytes; who sends more than this for each sends something else.
_LARGEST_ROW = 200
_FIRST_RUN = 4


@dataclass(frozen=True)
class Claim:
    """What a provider says of a content before a byte of it is sent.

    Attributes:
        size: bytes.
        table: BLAKE3 of the encoded chunk table, hex. '' for content of one chunk, which its
            SHA-1 verifies; of longer content, if the provider has no table yet.
    """

    size: int
    table: str = ""

    @property
    def largest_table(self) -> int:
        """The most bytes its table may have."""
        return min(LARGEST_MANIFEST, (self.size // CHUNK_SIZE + 2) * _LARGEST_ROW)


@dataclass(eq=False)
class Provider:
    """One node that says it has the content.

    Attributes:
        name: what the caller calls it.
        claim: what it says of the content.
        run: chunks to ask for at a time; grows while all goes well.
        strikes: how often in a row it did not deliver.
        rests_until: it is left alone until then.
        requests: how many it is answering.
        is_blamed: it sent something wrong, and is never asked again for this content.
        is_gone: it is not there, or did not deliver again and again.
    """

    name: str
    claim: Claim
    run: int = _FIRST_RUN
    strikes: int = 0
    rests_until: float = 0.0
    requests: int = 0
    is_blamed: bool = False
    is_gone: bool = False

    @property
    def is_out(self) -> bool:
        """Whether nothing is asked of it any more."""
        return self.is_blamed or self.is_gone

    def finished(self, longest_run: int) -> None:
        """It sent all it was asked for."""
        self.run = min(2 * self.run, longest_run)

    def failed(self, now: float, most_strikes: int) -> None:
        """It did not deliver."""
        self.strikes += 1
        self.run = max(self.run // 2, 1)
        self.rests_until = now + min(0.1 * 2**self.strikes, _LONGEST_REST)
        self.is_gone = self.strikes > most_strikes


@dataclass
class Candidates:
    """All providers of one content, grouped by what they say of it.

    Args:
        sha1: of the content.
        manifest: SHA-1 of the table that the content's URI names, or ''.
        largest: bytes there is room for.
    """

    sha1: str
    manifest: str
    largest: int
    providers: dict[str, Provider] = field(default_factory=dict)
    tables: dict[Claim, Manifest] = field(default_factory=dict)
    trusted: set[Claim] = field(default_factory=set)
    wrong: set[Claim] = field(default_factory=set)
    too_large: int = 0
    current: Claim | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether the table in use is what the content's URI names."""
        return self.current in self.trusted

    @property
    def anybody(self) -> bool:
        """Whether anybody can be asked: for chunks of the table in use, or for a table."""
        return bool(self.usable() if self.current else self.claims())

    @property
    def is_hopeless(self) -> bool:
        """Whether nobody is left, and nobody can come back."""
        gone = any(each.is_gone and not each.is_blamed for each in self.providers.values())
        return not gone and not self.claims()

    def offered(self, name: str, claim: Claim) -> bool:
        """A provider says it has the content; whether it can be used."""
        if not 0 <= claim.size <= self.largest:
            self.too_large = claim.size
            return False
        if claim.size <= CHUNK_SIZE:
            claim = Claim(claim.size)
            self.tables[claim] = one_chunk(self.sha1, claim.size)
            self.trusted.add(claim)
        known = self.providers.get(name)
        if known is None and len(self.providers) >= _MOST_PROVIDERS:
            return False
        if known is None:
            known = self.providers[name] = Provider(name, claim)
        if known.is_blamed:
            return False
        if claim.table or known.claim.size != claim.size:
            known.claim = claim
        # It gets one more chance, not all of them: some come back again and again for nothing.
        known.is_gone = False
        known.is_blamed = known.claim in self.wrong
        return not known.is_blamed

    def table_came(self, provider: Provider, claim: Claim, table: ReadTable) -> bool:
        """A provider sent a table; False if it is not the one that was claimed.

        One that is what was claimed and still makes no sense is held against all who claim it.
        """
        if not claim.table:  # it did not know yet
            claim = provider.claim = Claim(claim.size, table.blake3)
        if table.blake3 != claim.table:
            return False
        if not self._accepts(claim, table):
            self.blame_claim(claim)
            return False
        return True

    def blame_claim(self, claim: Claim) -> None:
        """What some say of the content is wrong: none of them is asked again."""
        self.wrong.add(claim)
        self.tables.pop(claim, None)
        self.trusted.discard(claim)
        for provider in self.providers.values():
            if provider.claim == claim:
                provider.is_blamed = True

    def blame_current(self) -> None:
        """The whole content is not what it should be, though each chunk was right."""
        if self.current is not None:
            self.blame_claim(self.current)
            self.current = None

    def usable(self, claim: Claim | None = None) -> list[Provider]:
        """Who can be asked under a claim, by default the one in use; the most reliable first."""
        claim = claim or self.current
        found = [each for each in self.providers.values() if each.claim == claim]
        return sorted((each for each in found if not each.is_out), key=lambda each: each.strikes)

    def claims(self) -> list[Claim]:
        """The claims of those who can be asked, the best first.

        A table that the URI names is best; then the one in use; then what most say.
        """
        found: dict[Claim, int] = {}
        for provider in self.providers.values():
            if not provider.is_out:
                found[provider.claim] = found.get(provider.claim, 0) + 1
        return sorted(
            found,
            key=lambda claim: (
                claim not in self.trusted,
                claim != self.current,
                claim not in self.tables,
                -found[claim],
            ),
        )

    def worth_fetching(self) -> list[Claim]:
        """The claims whose tables should be fetched, the best first.

        One table is enough, unless the URI names another. Who had none can only help once it has.
        """
        claims = self.claims()
        unknown = [claim for claim in claims if claim not in self.tables]
        if claims and claims[0] in self.tables:
            is_best = not self.manifest or claims[0] in self.trusted
            unknown = [claim for claim in unknown if not is_best or not claim.table]
        return unknown

    def better_one(self, *, has_chunks: bool, is_patient: bool) -> Claim | None:
        """The claim to change to, or None to stay with the one in use.

        Args:
            has_chunks: whether anything would be lost.
            is_patient: whether those who vouch for the table in use may still come back.
        """
        best = next(iter(self.claims()), None)
        if best is None or best == self.current or best not in self.tables:
            return None
        if self.current is None or (best in self.trusted and not self.is_trusted):
            return best
        is_given_up = not has_chunks or not (self.is_trusted or is_patient)
        return best if is_given_up and not self.usable() else None

    def use(self, claim: Claim) -> Manifest:
        """Take the table of a claim from now on."""
        self.current = claim
        return self.tables[claim]

    def reason(self) -> KacheryError:
        """Why there is nobody left to ask."""
        fallen = [each for each in self.providers.values() if not each.is_blamed]
        if any(each.strikes for each in fallen):
            return TransferStalledError(
                f"No bytes of the content {self.sha1} arrive any more.",
                hint="What has arrived is kept: load it again to go on.",
                sha1=self.sha1,
            )
        if fallen:
            return NoProviderError(
                f"The nodes that have the content {self.sha1} went away.",
                hint="What has arrived is kept: load it again to go on.",
                sha1=self.sha1,
            )
        if self.providers:
            return BadChunkError(
                f"Every node that offered the content {self.sha1} sent wrong bytes.",
                hint="Nothing of it was kept. `kc.explain(uri)` names the nodes.",
                sha1=self.sha1,
                nodes=sorted(self.providers),
            )
        return StorageFullError(
            f"There is no room for the content {self.sha1}: {self.too_large:,} bytes are needed"
            f" and {self.largest:,} are free.",
            hint="Free some space (`kachery gc`, `kachery rm`) and load it again.",
            needed_bytes=self.too_large,
            free_bytes=self.largest,
        )

    def _accepts(self, claim: Claim, read: ReadTable) -> bool:
        table = read.manifest
        if table is None or table.sha1 != self.sha1 or table.size != claim.size:
            return False
        # Frames are chunks of 1 MiB; older kinds of tables verify other pieces. All rows of a
        # table that was decoded are of the first one's kind: there may be a million of them.
        for first in table.chunks[:1]:
            if (first.end, first.algorithm) != (min(CHUNK_SIZE, table.size), "blake3"):
                return False
        self.tables[claim] = table
        if self.manifest and read.sha1 == self.manifest:
            self.trusted.add(claim)
        return True


def one_chunk(sha1: str, size: int) -> Manifest:
    """The table of content of at most one chunk: its SHA-1 is all it takes."""
    return Manifest(sha1, size, (Chunk(0, size, "sha1", sha1),) if size else ())
