"""API key verification: a shared HMAC secret, or an Ed25519 or RSA key of the account's own."""

import base64
import binascii
import hmac
from collections.abc import Callable
from functools import partial
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from exchange.errors import SettingsError

PEM = "-----BEGIN PUBLIC KEY-----"


class Verifier(Protocol):
    """Signature check of one account."""

    logs_on: bool
    """Whether the venue lets it open a session that needs no further signatures."""

    def verifies(self, payload: str, signature: str) -> bool: ...


class _Hmac:
    logs_on = False

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def verifies(self, payload: str, signature: str) -> bool:
        expected = hmac.new(self._secret, payload.encode(), "sha256").hexdigest()
        return hmac.compare_digest(expected.encode(), signature.lower().encode())


class _PublicKey:
    """Proves itself by a signature in base64.

    Args:
        verify: Raises ``InvalidSignature`` for a signature and a payload that do not fit.
    """

    def __init__(self, verify: Callable[[bytes, bytes], None], *, logs_on: bool) -> None:
        self.logs_on = logs_on
        self._verify = verify

    def verifies(self, payload: str, signature: str) -> bool:
        try:
            self._verify(base64.b64decode(signature, validate=True), payload.encode())
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def verifier(name: str, secret: str) -> Verifier:
    """Of an HMAC secret, or of a public key in PEM.

    Args:
        name: Of the account, for the error.

    Raises:
        SettingsError: For a PEM text that holds neither an Ed25519 nor an RSA public key.
    """
    if not secret.lstrip().startswith("-----BEGIN"):
        return _Hmac(secret)
    try:
        key = load_pem_public_key(secret.strip().encode())
    except ValueError as error:
        raise SettingsError(
            f"account {name}: its public key cannot be read; it must start with {PEM}"
        ) from error
    if isinstance(key, Ed25519PublicKey):
        return _PublicKey(key.verify, logs_on=True)
    if isinstance(key, RSAPublicKey):
        verify = partial(key.verify, padding=padding.PKCS1v15(), algorithm=hashes.SHA256())
        return _PublicKey(verify, logs_on=False)
    raise SettingsError(f"account {name}: a public key must be Ed25519 or RSA")
