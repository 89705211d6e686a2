"""URLs of hubs: one line that shells leave alone, whole or refused."""

import shlex
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import InvalidHubUrlError
from kachery_core.hub_urls import HubUrl, parse_hub_url
from kachery_core.nkeys import decode_public
from tests.support.channel_samples import HUB, seed

TEXT = str(HUB)
PLAIN = HubUrl("127.0.0.1", 1, None, seed(1), seed(2))
RAW = st.binary(min_size=32, max_size=32)


@given(
    host=st.sampled_from(["localhost", "a", "hub.example.org", "10.0.0.7", "::1", "fe80::1:2"]),
    port=st.integers(1, 65535),
    pin=RAW | st.none(),
    key=RAW,
    lobby_seed=RAW,
)
def test_a_url_is_written_and_read(host, port, pin, key, lobby_seed):
    url = HubUrl(host, port, pin, key, lobby_seed)
    assert parse_hub_url(str(url)) == url
    assert parse_hub_url(f"  {url}\n") == url


def test_a_url_says_where_the_hub_is_and_whose_certificate_it_has():
    assert TEXT.startswith("tls://hub.example.org:7422/")
    assert HUB.server == "tls://hub.example.org:7422"
    assert PLAIN.server == "nats://127.0.0.1:1"
    assert str(PLAIN).startswith("nats://127.0.0.1:1/-/")
    assert HubUrl("::1", 7, None, seed(1), seed(2)).server == "nats://[::1]:7"
    assert decode_public(HUB.lobby_account) == ("account", HUB.lobby_key)


def test_a_shell_leaves_it_alone():
    for text in (TEXT, str(PLAIN)):
        assert shlex.quote(text) == text


def test_it_shows_no_secret_by_accident():
    secret = TEXT.rpartition("/")[2]
    assert secret not in repr(HUB)
    with pytest.raises(InvalidHubUrlError) as caught:
        parse_hub_url(TEXT[:-1])
    assert secret[:20] not in str(caught.value)


def test_hosts_have_no_case():
    assert parse_hub_url(TEXT.replace("hub.example", "HUB.Example")) == HUB
    assert parse_hub_url("nats://[FE80::0:1]:7/" + str(PLAIN).split("/", 3)[3]).host == "fe80::1"


def test_a_hub_that_moved_is_still_the_same():
    moved = parse_hub_url(TEXT.replace("hub.example.org:7422", "10.1.2.3:17422"))
    assert (moved.pin, moved.lobby_key, moved.lobby_seed) == (
        HUB.pin,
        HUB.lobby_key,
        HUB.lobby_seed,
    )


PIN, LOBBY = TEXT.split("/")[3:]


NO_HUBS = [
    "", "hub", "tls://", "http://hub:1/x/y", TEXT.upper(), f"x{TEXT}", f"{TEXT}/", f"{TEXT}/x",
     f"{TEXT}?a=1", f"{TEXT}#a", f"tls://hub/{PIN}/{LOBBY}", f"tls://hub:/{PIN}/{LOBBY}",
     f"tls://hub:0/{PIN}/{LOBBY}", f"tls://hub:65536/{PIN}/{LOBBY}", f"tls://hub:07/{PIN}/{LOBBY}",
     f"tls://hub:-1/{PIN}/{LOBBY}", f"tls://hub:\u0661/{PIN}/{LOBBY}", f"tls://:1/{PIN}/{LOBBY}",
     f"tls://user@hub:1/{PIN}/{LOBBY}", f"tls://a b:1/{PIN}/{LOBBY}", f"tls://-x:1/{PIN}/{LOBBY}",
     f"tls://a..b:1/{PIN}/{LOBBY}", f"tls://{'a' * 64}:1/{PIN}/{LOBBY}",
     f"tls://{'a.' * 127}a:1/{PIN}/{LOBBY}", f"tls://$(x):1/{PIN}/{LOBBY}", f"tls://h;x:1/{PIN}/{LOBBY}",
     f"tls://[hub]:1/{PIN}/{LOBBY}", f"tls://[1:2]:1/{PIN}/{LOBBY}", f"tls://[fe80::1%eth0]:1/{PIN}/{LOBBY}",
     f"tls://::1:1/{PIN}/{LOBBY}", f"tls://hub:1/-/{LOBBY}", f"nats://hub:1/{PIN}/{LOBBY}",
     f"tls://hub:1//{LOBBY}", f"tls://hub:1/{PIN}/", f"tls://hub:1/{PIN[:-1]}/{LOBBY}",
     f"tls://hub:1/{PIN}A/{LOBBY}", f"tls://hub:1/{PIN}/{LOBBY[:-4]}", f"tls://hub:1/{PIN}/{PIN}",
     f"tls://hub:1/{PIN}/{LOBBY}AAAA", TEXT + " " * 600, "tls://" + "a" * 10_000_000,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_HUBS, ids=range(len(NO_HUBS)))
def test_what_is_no_hubs_url_is_refused_with_a_hint(text):
    with pytest.raises(InvalidHubUrlError, match="kachery hub start"):
        parse_hub_url(text)


@given(st.integers(0, len(LOBBY) - 1), st.sampled_from(string.ascii_letters + string.digits + "-_"))
def test_a_wrong_letter_in_the_secret_is_noticed(place, letter):
    if LOBBY[place] != letter:
        wrong = LOBBY[:place] + letter + LOBBY[place + 1 :]
        with pytest.raises(InvalidHubUrlError):
            parse_hub_url(f"tls://hub:1/{PIN}/{wrong}")


@given(st.text(max_size=100))
def test_whatever_it_is_it_is_refused_in_words(text):
    with pytest.raises(InvalidHubUrlError):
        parse_hub_url(text)
