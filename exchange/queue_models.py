"""Queue models by name: how much of a cancellation at our price is taken to stand behind us.

Apart from ``exchange.simulation``, so that settings can name a model without numba.
"""

from enum import IntEnum
from typing import Literal, TypeAlias

QueueModelName: TypeAlias = Literal["risk_averse", "log", "log2", "power", "power2", "power3"]


class QueueModel(IntEnum):
    """How much of a cancellation at our price is taken to have stood behind us."""

    RISK_AVERSE = 0
    """All of it: only prints, and a level smaller than our front, move us ahead."""
    LOG = 1
    LOG2 = 2
    POWER = 3
    POWER2 = 4
    POWER3 = 5


QUEUE_MODELS: dict[QueueModelName, tuple[QueueModel, float]] = {
    "risk_averse": (QueueModel.RISK_AVERSE, 1.0),
    "log": (QueueModel.LOG, 1.0),
    "log2": (QueueModel.LOG2, 1.0),
    "power": (QueueModel.POWER, 3.0),
    "power2": (QueueModel.POWER2, 2.0),
    "power3": (QueueModel.POWER3, 3.0),
}
"""The models that settings may name, each with the exponent that it has unless told."""
