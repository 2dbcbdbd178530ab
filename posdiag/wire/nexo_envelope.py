"""The envelope in which a till and an Adyen terminal hide their messages on the local network.

    SaleToPOIRequest = MessageHeader in clear, NexoBlob (base64 of AES-256-CBC), SecurityTrailer
                       with key name and version, nonce and HMAC-SHA256 over the plain message

Source: Adyen documentation "Protect local communications" and its Node library; keys by
PBKDF2-HMAC-SHA1 over the passphrase, salt ``AdyenNexoV1Salt``, 4000 rounds, 80 bytes: HMAC key 32,
AES key 32, IV 16 (exclusive or with the nonce).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.wire.nexo import Json, parse_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import CBC

_SALT: Final = b"AdyenNexoV1Salt"
_ROUNDS: Final = 4000
NONCE_BYTES: Final = 16
_VERSION: Final = 1


class EnvelopeKeys(NamedTuple):
    """Keys made of a passphrase. Never printed, never kept.

    Attributes:
        key_id: name of the shared key.
        key_version: its version.
    """

    hmac_key: bytes
    aes_key: bytes
    iv: bytes
    key_id: str
    key_version: int

    def __repr__(self) -> str:
        """Return its name without the keys."""
        return f"EnvelopeKeys({self.key_id!r}, {self.key_version})"


def derive_keys(passphrase: str, key_id: str, key_version: int) -> EnvelopeKeys:
    """Return the keys of a passphrase."""
    raw = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), _SALT, _ROUNDS, 80)
    return EnvelopeKeys(raw[:32], raw[32:64], raw[64:], key_id, key_version)


def seal(plain: bytes, keys: EnvelopeKeys, nonce: bytes) -> bytes:
    """Return a message in its envelope.

    Args:
        plain: whole message as JSON, with a header.
        keys: of the till integration.
        nonce: 16 bytes, new for every message.

    Raises:
        LocalWireError: a nonce of another length, or a message without header.
    """
    if len(nonce) != NONCE_BYTES:
        raise LocalWireError("16 bytes", field="Nonce")
    message = json.loads(plain)
    name = next(iter(message), "")
    header = message[name].get("MessageHeader") if isinstance(message.get(name), dict) else None
    if header is None:
        raise LocalWireError("a message without a header", field="MessageHeader")
    sealed = {"MessageHeader": header, **sealed_parts(plain, keys, nonce)}
    return json.dumps({name: sealed}, separators=(",", ":")).encode()


def sealed_parts(plain: bytes, keys: EnvelopeKeys, nonce: bytes) -> dict[str, object]:
    """Return blob and trailer for any plain bytes; the nonce has 16."""
    from cryptography.hazmat.primitives import padding

    padder = padding.PKCS7(128).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = _cipher(keys, nonce).encryptor()
    blob = encryptor.update(padded) + encryptor.finalize()
    return {
        "NexoBlob": base64.b64encode(blob).decode(),
        "SecurityTrailer": {
            "AdyenCryptoVersion": _VERSION,
            "KeyIdentifier": keys.key_id,
            "KeyVersion": keys.key_version,
            "Nonce": base64.b64encode(nonce).decode(),
            "Hmac": base64.b64encode(_hmac(plain, keys)).decode(),
        },
    }


def is_sealed(message: Json) -> bool:
    """Return whether a message is an envelope."""
    return any(isinstance(part, dict) and "NexoBlob" in part for part in message.values())


def unseal(message: Json, keys: EnvelopeKeys) -> Json:
    """Return the message in an envelope, once its HMAC and its header were checked.

    Raises:
        RemoteWireError: not made with this key, tampered with, or header and inside differ.
    """
    name, outer = next(
        ((n, p) for n, p in message.items() if isinstance(p, dict) and "NexoBlob" in p), ("", {})
    )
    plain = open_parts(outer, keys)
    inner = parse_json(plain)
    body = inner.get(name)
    if not isinstance(body, dict) or body.get("MessageHeader") != outer.get("MessageHeader"):
        raise RemoteWireError("its header is not the one inside", field="MessageHeader")
    return inner


def open_parts(outer: Mapping[str, object], keys: EnvelopeKeys) -> bytes:
    """Return the plain bytes of blob and trailer; errors as :func:`unseal`."""
    trailer = outer.get("SecurityTrailer")
    if not isinstance(trailer, dict):
        raise RemoteWireError("an envelope without a trailer", field="SecurityTrailer")
    version = trailer.get("AdyenCryptoVersion")
    if version != _VERSION or trailer.get("KeyVersion") != keys.key_version:
        raise RemoteWireError("another version of the key", field="KeyVersion")
    nonce, given = _bytes(trailer, "Nonce"), _bytes(trailer, "Hmac")
    blob = _bytes(outer, "NexoBlob")
    if len(nonce) != NONCE_BYTES or not blob or len(blob) % 16:
        raise RemoteWireError("of the wrong length", field="NexoBlob")
    plain = _decrypted(blob, keys, nonce)
    if plain is None or not hmac.compare_digest(_hmac(plain, keys), given):
        raise RemoteWireError("another key, or tampered with", field="Hmac")
    return plain


def _decrypted(blob: bytes, keys: EnvelopeKeys, nonce: bytes) -> bytes | None:
    from cryptography.hazmat.primitives import padding

    decryptor = _cipher(keys, nonce).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    try:
        padded = decryptor.update(blob) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        return None


def _cipher(keys: EnvelopeKeys, nonce: bytes) -> Cipher[CBC]:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    # The wiring of the protocol: the derived vector is mixed with the nonce.
    iv = bytes(one ^ other for one, other in zip(keys.iv, nonce, strict=True))
    return Cipher(algorithms.AES(keys.aes_key), modes.CBC(iv))


def _hmac(plain: bytes, keys: EnvelopeKeys) -> bytes:
    return hmac.new(keys.hmac_key, plain, hashlib.sha256).digest()


def _bytes(table: Mapping[str, object], key: str) -> bytes:
    value = table.get(key)
    if not isinstance(value, str):
        raise RemoteWireError("missing", field=key)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise RemoteWireError("no base64", field=key) from None
