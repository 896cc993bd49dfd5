"""Request signing: a keyed digest over the query exactly as it is sent."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

_PLAIN = re.compile(r"[A-Za-z0-9_.~&=-]*")
"""What percent-encoding leaves as it is, with the two signs that part a query."""


class Credentials:
    """An API key with its secret, which neither ``repr`` nor an error message can show."""

    __slots__ = ("_keyed", "api_key")

    def __init__(self, api_key: str, secret: str) -> None:
        self.api_key = api_key
        self._keyed = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def __repr__(self) -> str:
        return f"Credentials({self.api_key[:4]}…)"

    def signature(self, payload: str) -> str:
        """HMAC-SHA256 of the payload as lower-case hex."""
        digest = self._keyed.copy()  # the key is taken in already
        digest.update(payload.encode())
        return digest.hexdigest()


def encoded(parameters: Mapping[str, str | int]) -> str:
    """Parameters as a percent-encoded query, in their own order."""
    count = len(parameters)
    query = "&".join([f"{name}={value}" for name, value in parameters.items()])
    # An order's are all plain, and so are their own encoding.
    if _PLAIN.fullmatch(query) and query.count("=") == count == query.count("&") + 1:
        return query
    return urlencode(parameters, quote_via=quote, safe="")


def signed_query(parameters: Mapping[str, str | int], credentials: Credentials) -> str:
    """The query to send, unchanged, for a signed request; the signature stands last.

    Args:
        parameters: Everything but the signature; ``timestamp`` among them.
        credentials: Whose secret signs.
    """
    payload = encoded(parameters)
    return f"{payload}&signature={credentials.signature(payload)}"
