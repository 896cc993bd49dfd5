"""Error classification: what each answer of the venue means for the request that it answers."""

import pytest

from exchange.binance.errors import Kind, classify
from exchange.types import Outcome


@pytest.mark.parametrize(
    ("status", "code", "message", "outcome", "kind"),
    [
        (200, 0, "", Outcome.DONE, Kind.DONE),
        (200, 200, "done", Outcome.DONE, Kind.DONE),
        (400, -4046, "No need to change margin type.", Outcome.DONE, Kind.ALREADY),
        (400, -4059, "No need to change position side.", Outcome.DONE, Kind.ALREADY),
        (400, -5027, "No need to modify the order.", Outcome.DONE, Kind.ALREADY),
        (400, -5022, "Post Only order will be rejected.", Outcome.REFUSED, Kind.CROSSES),
        (400, -2011, "Unknown order sent.", Outcome.REFUSED, Kind.MISSING),
        (400, -2013, "Order does not exist.", Outcome.REFUSED, Kind.MISSING),
        (400, -1021, "Timestamp ahead.", Outcome.REFUSED, Kind.CLOCK),
        (400, -5028, "Timestamp outside of the ME recvWindow.", Outcome.REFUSED, Kind.LATE),
        (400, -2019, "Margin is insufficient.", Outcome.REFUSED, Kind.MEANS),
        (400, -4116, "ClientOrderId is duplicated.", Outcome.REFUSED, Kind.DUPLICATE),
        (400, -9999, "never seen before", Outcome.REFUSED, Kind.BUG),
        (401, -2015, "Invalid API-key.", Outcome.REFUSED, Kind.ACCESS),
        (403, 0, "<html>firewall</html>", Outcome.REFUSED, Kind.LIMIT),
        (429, -1003, "Too many requests.", Outcome.REFUSED, Kind.LIMIT),
        (429, -1015, "Too many new orders.", Outcome.REFUSED, Kind.LIMIT),
        (418, -1003, "banned until 1795317166071", Outcome.REFUSED, Kind.LIMIT),
        (503, -1008, "Request throttled.", Outcome.REFUSED, Kind.OVERLOAD),
        (503, 0, "Service Unavailable.", Outcome.REFUSED, Kind.OVERLOAD),
        (503, 0, "Unknown error, please check your request", Outcome.UNKNOWN, Kind.LOST),
        (503, -1000, "Unknown error, please check your request", Outcome.UNKNOWN, Kind.LOST),
        (503, -1001, "Internal error; unable to process", Outcome.UNKNOWN, Kind.LOST),
        (400, -1006, "An unexpected response was received.", Outcome.UNKNOWN, Kind.LOST),
        (408, -1007, "Timeout waiting for response.", Outcome.UNKNOWN, Kind.LOST),
        (408, 0, "", Outcome.UNKNOWN, Kind.LOST),
        (500, 0, "", Outcome.UNKNOWN, Kind.LOST),
        (502, 0, "<html>bad gateway</html>", Outcome.UNKNOWN, Kind.LOST),
        (504, 0, "", Outcome.UNKNOWN, Kind.LOST),
        (302, 0, "", Outcome.UNKNOWN, Kind.LOST),
    ],
)
def test_each_answer_has_one_of_three_ends(
    status: int, code: int, message: str, outcome: Outcome, kind: Kind
) -> None:
    """Sections 2.4, 9.3 and 10 of the protocol reference, one row a rule."""
    assert classify(status, code, message) == (outcome, kind)
