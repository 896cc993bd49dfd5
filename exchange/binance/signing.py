"""Request signing: a keyed digest over the query exactly as it is sent."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlencode


class Credentials:
    """An API key with its secret, which neither ``repr`` nor an error message can show."""

    __slots__ = ("_secret", "api_key")

    def __init__(self, api_key: str, secret: str) -> None:
        self.api_key = api_key
        self._secret = secret.encode()

    def __repr__(self) -> str:
        return f"Credentials({self.api_key[:4]}…)"

    def signature(self, payload: str) -> str:
        """HMAC-SHA256 of the payload as lower-case hex."""
        return hmac.new(self._secret, payload.encode(), hashlib.sha256).hexdigest()


def encoded(parameters: Mapping[str, str | int]) -> str:
    """Parameters as a percent-encoded query, in their own order."""
    return urlencode(parameters, quote_via=quote, safe="")


def signed_query(parameters: Mapping[str, str | int], credentials: Credentials) -> str:
    """The query to send, unchanged, for a signed request; the signature stands last.

    Args:
        parameters: Everything but the signature; ``timestamp`` among them.
        credentials: Whose secret signs.
    """
    payload = encoded(parameters)
    return f"{payload}&signature={credentials.signature(payload)}"
