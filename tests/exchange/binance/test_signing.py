"""Request signing against the digests that real client libraries have produced."""

import hmac
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exchange.binance.signing import Credentials, encoded, signed_query

CREDENTIALS = Credentials("K", "S")


@pytest.mark.parametrize(
    ("payload", "digest_start"),
    [
        (
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTX&quantity=0.001&price=100.5"
            "&newClientOrderId=a%3Ab%2Fc.1&timestamp=1795317166071",
            "ed25d1f88d76102a",
        ),
        (
            "apiKey=K&price=100.5&quantity=0.001&side=BUY&symbol=BTCUSDT&timeInForce=GTC"
            "&timestamp=1795317167594&type=LIMIT",
            "65f21faff50b2843",
        ),
        (
            "apiKey=K&newClientOrderId=x-cvBPrNm97d0ecf395752be53c50f64&newOrderRespType=RESULT"
            "&price=100.5&quantity=0.001&recvWindow=10000&returnRateLimits=false&side=BUY"
            "&symbol=BTCUSDT&timeInForce=GTC&timestamp=1795317197303&type=LIMIT",
            "b284330776cd95f2",
        ),
    ],
)
def test_signatures_match_those_of_other_clients(payload: str, digest_start: str) -> None:
    """The check vectors of the protocol reference, section 2.2."""
    signature = CREDENTIALS.signature(payload)

    assert signature.startswith(digest_start)
    assert len(signature) == 64


def test_values_are_signed_in_the_form_in_which_they_are_sent() -> None:
    """Colon and slash are legal in a client id, and the venue signs them encoded."""
    parameters: dict[str, str | int] = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTX",
        "quantity": "0.001",
        "price": "100.5",
        "newClientOrderId": "a:b/c.1",
        "timestamp": 1795317166071,
    }

    query = signed_query(parameters, CREDENTIALS)

    payload, _, signature = query.rpartition("&signature=")
    assert payload == encoded(parameters)
    assert signature.startswith("ed25d1f88d76102a")


def test_symbols_beyond_ascii_travel_percent_encoded() -> None:
    """The venue has listed contracts with Chinese names since 2025."""
    assert encoded({"symbol": "币安USDT"}) == "symbol=%E5%B8%81%E5%AE%89USDT"


@given(st.text(min_size=1, max_size=200), st.text(max_size=300))
def test_a_signature_is_that_of_the_standard_library(secret: str, payload: str) -> None:
    """Also of a key longer than a block of the digest; and none leaves a trace in the next."""
    expected = hmac.new(secret.encode(), payload.encode(), "sha256").hexdigest()

    credentials = Credentials("K", secret)

    assert [credentials.signature(payload) for _ in range(2)] == [expected] * 2


@example({"a": "b&c=d"})
@example({"a=b": "&"})
@example({})
@given(st.dictionaries(st.text(min_size=1), st.text() | st.integers(), max_size=6))
def test_every_value_is_encoded_as_by_the_standard_library(values: dict[str, str | int]) -> None:
    """A value with a sign that parts a query must not be taken for a plain one."""
    assert encoded(values) == urlencode(values, quote_via=quote, safe="")


def test_the_secret_does_not_show() -> None:
    """Credentials end up in tracebacks and logs sooner or later."""
    shown = repr(Credentials("public-key", "do-not-tell"))

    assert "do-not-tell" not in shown
    assert "public-key" not in shown
