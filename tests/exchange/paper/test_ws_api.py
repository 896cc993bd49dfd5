"""WebSocket trading API: its envelope, its sessions, and that it is the REST API inside."""

import base64
import hmac
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from exchange.errors import SettingsError
from exchange.paper.api.keys import verifier
from exchange.paper.api.ws import WsSession
from tests.exchange.paper.bench import ACCOUNT, KEY, SECRET, Desk, paper_settings


class Socket:
    """One open socket of a desk's first account."""

    def __init__(self, desk: Desk, query: str = "") -> None:
        self.desk = desk
        self.session = WsSession(desk.dispatcher, desk.venue, dict(parse_qsl(query)))

    def ask(self, method: str, asked_id: object = "id-1", **params: object) -> Any:
        request = {"id": asked_id, "method": method, "params": params}
        return self.tell(orjson.dumps(request).decode())

    def tell(self, text: str) -> Any:
        reply = self.session.answer(text, self.desk.venue.now_ms)
        assert reply.frame is not None
        return orjson.loads(reply.frame)

    def signed(self, method: str, **params: object) -> Any:
        return self.ask(method, **signed(params | {"timestamp": self.desk.venue.now_ms}))

    def place(self, **params: object) -> Any:
        order: dict[str, object] = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTX",
            "quantity": "0.010",
            "price": "59999.0",
        }
        return self.signed("order.place", **(order | params))


def payload_of(params: dict[str, object]) -> str:
    """Sorted and unencoded, as the venue has them signed."""
    texts = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in params.items()}
    return "&".join(f"{name}={texts[name]}" for name in sorted(texts))


def signed(params: dict[str, object]) -> dict[str, object]:
    asked = {"apiKey": KEY} | params
    signature = hmac.new(SECRET.encode(), payload_of(asked).encode(), "sha256").hexdigest()
    return asked | {"signature": signature}


def pem(key: Any) -> str:
    text: bytes = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return text.decode()


def ed25519_desk() -> tuple[Desk, ed25519.Ed25519PrivateKey]:
    private = ed25519.Ed25519PrivateKey.generate()
    account = replace(ACCOUNT, api_secret=pem(private.public_key()))
    return Desk(replace(paper_settings(), accounts=(account,))), private


# ---------------------------------------------------------------- the envelope


@pytest.mark.parametrize("asked_id", ["a-b", 7, None])
def test_an_answer_carries_the_id_as_it_came(asked_id: object) -> None:
    answer = Socket(Desk()).ask("depth", asked_id, symbol="BTCUSDT", limit=5)

    assert (answer["id"], answer["status"]) == (asked_id, 200)
    assert len(answer["result"]["bids"]) == 5


def test_an_order_is_placed_changed_asked_for_and_cancelled() -> None:
    desk = Desk()
    socket = Socket(desk)
    placed = socket.place(newClientOrderId="a:b/c.1")["result"]
    name = {"symbol": "BTCUSDT", "origClientOrderId": "a:b/c.1"}

    changed = socket.signed(
        "order.modify", side="BUY", quantity="0.020", price="59998.0", modifyId=7, **name
    )["result"]
    asked = socket.signed("order.status", **name)["result"]
    cancelled = socket.signed("order.cancel", **name)["result"]

    assert (placed["status"], placed["orderId"]) == ("NEW", changed["orderId"])
    assert (changed["price"], changed["modifyId"]) == ("59998.0", 7)
    assert (asked["origQty"], asked["avgPrice"]) == ("0.020", "0.00")
    assert cancelled["status"] == "CANCELED"
    assert desk.story() == ["NEW/NEW", "AMENDMENT/NEW", "CANCELED/CANCELED"]


def test_a_refusal_carries_code_text_and_the_status_of_http() -> None:
    socket = Socket(Desk())

    unknown = socket.signed("order.cancel", symbol="BTCUSDT", orderId=7)
    stranger = socket.ask("order.status", symbol="BTCUSDT", apiKey="who", timestamp=1, signature="")

    assert (unknown["status"], unknown["error"]["code"]) == (400, -2011)
    assert (stranger["status"], stranger["error"]["code"]) == (401, -2015)
    assert "result" not in unknown


def test_a_wrong_signature_is_refused() -> None:
    socket = Socket(Desk())
    params = signed({"timestamp": socket.desk.venue.now_ms}) | {"signature": "0" * 64}

    assert socket.ask("v2/account.balance", **params)["error"]["code"] == -1022


def test_orders_show_three_limits_and_questions_one() -> None:
    socket = Socket(Desk())

    placed, asked = socket.place()["rateLimits"], socket.ask("ticker.book")["rateLimits"]

    assert [(row["rateLimitType"], row["interval"], row["count"]) for row in placed] == [
        ("REQUEST_WEIGHT", "MINUTE", 5),
        ("ORDERS", "MINUTE", 1),
        ("ORDERS", "SECOND", 1),
    ]
    assert [(row["rateLimitType"], row["count"]) for row in asked] == [("REQUEST_WEIGHT", 10)]


def test_the_limits_can_be_switched_off_for_the_socket_or_for_one_request() -> None:
    assert "rateLimits" not in Socket(Desk(), "returnRateLimits=false").place()
    assert "rateLimits" not in Socket(Desk()).place(returnRateLimits=False)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", -1013),
        ("[1]", -1013),
        ('{"id":1,"method":"order.place","params":[1]}', -1102),
        ('{"id":1,"params":{}}', -1102),
        ('{"id":1,"method":"order.guess"}', -1020),
    ],
)
def test_a_frame_that_says_nothing_is_refused(frame: str, code: int) -> None:
    answer = Socket(Desk()).tell(frame)

    assert (answer["status"], answer["error"]["code"]) == (400, code)


def test_what_is_nested_too_deep_to_be_echoed_is_refused() -> None:
    deep = "[" * 400 + "]" * 400
    socket = Socket(Desk())

    as_param = socket.tell(f'{{"id":1,"method":"depth","params":{{"symbol":{deep}}}}}')
    as_id = socket.tell(f'{{"id":{deep},"method":"session.status"}}')

    assert as_param["error"]["code"] == -1130
    assert (as_id["id"], as_id["status"]) == (None, 200)


def test_a_listen_key_is_had_by_the_key_alone() -> None:
    desk = Desk()
    socket = Socket(desk)

    started = socket.ask("userDataStream.start", apiKey=KEY)
    kept = socket.ask("userDataStream.ping", apiKey=KEY)

    assert (
        started["result"]
        == kept["result"]
        == {"listenKey": desk.client.user_stream.start(desk.venue.now_ms)}
    )
    assert socket.ask("userDataStream.stop", apiKey=KEY)["result"] == {}


@pytest.mark.parametrize(
    ("method", "field"),
    [
        ("account.balance", "balance"),
        ("v2/account.balance", "balance"),
        ("account.position", "leverage"),
        ("v2/account.position", "positionInitialMargin"),
    ],
)
def test_the_account_is_told_in_both_versions(method: str, field: str) -> None:
    socket = Socket(Desk())
    socket.place()

    (row,) = socket.signed(method)["result"]

    assert field in row


# ---------------------------------------------------------------- sessions


def test_an_ed25519_key_logs_on_and_need_not_sign_again() -> None:
    desk, private = ed25519_desk()
    socket = Socket(desk)
    params: dict[str, object] = {"apiKey": KEY, "timestamp": desk.venue.now_ms}
    signature = base64.b64encode(private.sign(payload_of(params).encode())).decode()

    session = socket.ask("session.logon", **params, signature=signature)["result"]
    balance = socket.ask("v2/account.balance", timestamp=desk.venue.now_ms)
    stale = socket.ask("v2/account.balance", timestamp=desk.venue.now_ms - 6000)
    other = socket.ask(
        "v2/account.balance", apiKey="who", timestamp=desk.venue.now_ms, signature=""
    )
    closed = socket.ask("session.logout")["result"]
    after = socket.ask("v2/account.balance", timestamp=desk.venue.now_ms)

    assert (session["apiKey"], session["authorizedSince"]) == (KEY, desk.venue.now_ms)
    assert balance["result"][0]["asset"] == "USDT"
    assert stale["error"]["code"] == -1021
    assert other["error"]["code"] == -2015
    assert (closed["apiKey"], closed["authorizedSince"]) == (None, None)
    assert after["error"]["code"] == -2014


def test_an_hmac_key_cannot_log_on() -> None:
    answer = Socket(Desk()).signed("session.logon")

    assert (answer["status"], answer["error"]["code"]) == (401, -1099)


def test_a_status_is_told_without_a_key() -> None:
    desk = Desk()
    answer = Socket(desk).ask("session.status")["result"]

    assert answer == {
        "apiKey": None,
        "authorizedSince": None,
        "connectedSince": desk.venue.now_ms,
        "returnRateLimits": True,
        "serverTime": desk.venue.now_ms,
    }


# ---------------------------------------------------------------- keys


def test_an_rsa_signature_is_verified_and_a_forged_one_is_not() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    proof = verifier("one", pem(private.public_key()))
    good = base64.b64encode(private.sign(b"a=1", padding.PKCS1v15(), hashes.SHA256())).decode()

    assert proof.verifies("a=1", good)
    assert not proof.verifies("a=2", good)
    assert not proof.verifies("a=1", "no base64!")


@pytest.mark.parametrize("text", ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_a_key_that_cannot_be_read_is_an_error_of_the_settings(text: str) -> None:
    with pytest.raises(SettingsError, match="account one: its public key"):
        verifier("one", text)
