"""Official SDK, pointed at an exchange of ours and never changed otherwise."""

from collections.abc import Iterator
from typing import Any

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
    DerivativesTradingUsdsFutures,
)

from tests.exchange.clients.exchange import DEADLINE_S, Exchange
from tests.exchange.paper.bench import KEY, SECRET

NOT_ALWAYS_SENT = frozenset(
    (
        "code",  # of a batch's refused elements
        "msg",  # the same
        "modifyId",  # where one was sent
        "notionalCoef",  # where the brackets were adjusted
        "filters",  # one model holds the fields of all filters
        "adlQuantile",  # by position mode
        "M",  # modifyId again
        "AP",  # trailing stops
        "cr",  # the same
        "S",  # of a funding fee's symbol
        "ac",  # either leverage
        "ai",  # or asset mode
    )
)
"""Fields that the venue leaves out by its own documentation; whatever is below them, too."""


def sdk(exchange: Exchange, **ws_api_options: object) -> Any:
    return DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(
            api_key=KEY,
            api_secret=SECRET,
            base_path=exchange.http,
            timeout=int(DEADLINE_S * 1000),
        ),
        config_ws_api=ConfigurationWebSocketAPI(
            api_key=KEY,
            stream_url=f"{exchange.ws}/ws-fapi/v1",
            **({"api_secret": SECRET} | ws_api_options),
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=exchange.ws),
    )


def missing(answer: Any, path: str = "") -> Iterator[str]:
    """Fields that the SDK's model of an answer declares and the answer did not have."""
    answer = getattr(answer, "actual_instance", answer)
    if isinstance(answer, list):
        for element in answer[:1]:
            yield from missing(element, f"{path}[]")
    for name, field in getattr(type(answer), "model_fields", {}).items():
        spelling = field.alias or name
        if spelling == "additional_properties" or spelling in NOT_ALWAYS_SENT:
            continue
        value = getattr(answer, name)
        if value is None:
            yield f"{path}.{spelling}"
        yield from missing(value, f"{path}.{spelling}")
