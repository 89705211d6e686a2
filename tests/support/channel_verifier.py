"""Reads channels as docs/channels.md describes them, sharing no code with kachery."""

import base64
import binascii
import hashlib
import json

import msgspec
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.public import SealedBox
from nacl.signing import SigningKey

KINDS = ("say", "answer", "last", "busy", "who")
OPERATOR, ACCOUNT, USER = 0x70, 0x00, 0xA0


def derived(context, material, size):
    return blake3(material, derive_key_context=context).digest(size)


def live_token(channel_key, discovery):
    """What a subfeed is called in subjects."""
    context = "kachery_jupyter 2026-11 channel subkey v1: live subject"
    return blake3(discovery, key=derived(context, channel_key, 32)).digest(16).hex()


def nkey(kind, key):
    data = bytes([kind]) + key
    data += binascii.crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(data).rstrip(b"=").decode()


def key_of(text):
    data = base64.b32decode(text)
    assert nkey(data[0], data[1:33]) == text
    return data[1:33]


def from_base64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def public_key(seed):
    return bytes(SigningKey(seed).verify_key)


def check_signature(key, signature, data):
    Ed25519PublicKey.from_public_bytes(key).verify(signature, data)


def read_statement(text):
    """The claims of a membership or record; an error if its issuer did not sign it."""
    signed, _, signature = text.rpartition(".")
    header, claims = (json.loads(from_base64(part)) for part in signed.split("."))
    assert header == {"typ": "JWT", "alg": "ed25519-nkey"}
    check_signature(key_of(claims["iss"]), from_base64(signature), signed.encode())
    return claims


def open_note(key, note, aad=b""):
    return AESGCM(key).decrypt(note[:12], note[12:], aad)


def open_frame(sha1, index, frame):
    """The bytes of one frame of a content."""
    key = derived("kachery_jupyter 2026-11 content key v1", bytes.fromhex(sha1), 32)
    return AESGCM(key).decrypt(index.to_bytes(12, "big"), frame, b"")


def open_envelope(envelope, channel_id, channel_keys, memberships):
    """What an envelope says; an error if the member who is named did not sign it.

    Args:
        envelope: as it was sent.
        channel_id: of the channel.
        channel_keys: by epoch.
        memberships: texts that were seen before.
    """
    epoch = envelope[:4]
    channel_key = channel_keys[int.from_bytes(epoch, "big")]
    control = derived("kachery_jupyter 2026-11 channel subkey v1: control", channel_key, 32)
    fields = msgspec.msgpack.decode(open_note(control, envelope[4:], epoch))
    membership, to, message_id, re, kind, body, signature = fields
    seen = {blake3(text.encode()).digest(16): text for text in memberships}
    text = seen[membership] if len(membership) == 16 else membership.decode()
    claims = read_statement(text)
    assert claims["iss"] == channel_id
    signed = b"kachery-envelope-1\0" + key_of(channel_id) + blake3(text.encode()).digest(16)
    signed += len(to.encode()).to_bytes(2, "big") + to.encode() + message_id
    signed += bytes([len(re)]) + re + bytes([KINDS.index(kind)]) + body
    check_signature(key_of(claims["sub"]), signature, signed)
    return {"to": to, "id": message_id, "re": re, "kind": kind, "body": body, "from": claims["sub"]}


def open_box(node_seed, sealed):
    """What was sealed to a node."""
    return SealedBox(SigningKey(node_seed).to_curve25519_private_key()).decrypt(sealed)


def check_letter(letter):
    """The epoch and the channel's key; an error if the channel did not sign it."""
    channel_id, node_id, epoch, channel_key, signature = letter
    signed = b"kachery-letter-1\0" + channel_id.encode() + bytes.fromhex(node_id)
    check_signature(key_of(channel_id), signature, signed + epoch.to_bytes(8, "big") + channel_key)
    return epoch, channel_key


def open_invitation(text, node_seed):
    """The hub's URL, the claims of membership and record, the channel's epoch and key."""
    sealed = from_base64("".join(text.split()).removeprefix("kachery-invitation-1."))
    hub_url, membership, record, letter = msgspec.msgpack.decode(open_box(node_seed, sealed))
    return hub_url, read_statement(membership), read_statement(record), *check_letter(letter)


def read_hub_url(url):
    """The certificate's digest, the lobby's key and the seed of its guests."""
    _, _, _, pin, lobby = url.split("/")
    data = from_base64(lobby)
    assert data[64:] == blake3(data[:64]).digest(4)
    return None if pin == "-" else from_base64(pin), data[:32], data[32:64]


def read_registration(message):
    """The record's claims and the deposits; an error if the channel did not register them."""
    body, signature = msgspec.msgpack.decode(message)
    record, deposits = msgspec.msgpack.decode(body)
    claims = read_statement(record)
    check_signature(key_of(claims["sub"]), signature, b"kachery-register-1\0" + body)
    return claims, deposits


def sha1(data):
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
