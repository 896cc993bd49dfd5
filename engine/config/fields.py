"""Field types of the config files, with their ranges."""

from typing import Annotated

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
FeeRate = Annotated[float, msgspec.Meta(ge=-0.1, le=0.1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
DecimalText = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\d{1,12}(\.\d{1,12})?$",
        description='a decimal such as "0.003", with at most 12 digits on either side of the point',
    ),
]
Symbol = Annotated[
    str, msgspec.Meta(pattern=r"^\w{2,40}$", description="a symbol of the venue, such as BTCUSDT")
]
Port = Annotated[int, msgspec.Meta(ge=1024, le=65535)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A TOML table whose unknown keys are refused."""
