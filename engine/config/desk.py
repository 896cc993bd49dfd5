"""Settings of the desk: TOML to frozen structs, checked once, at the start.

A file has the sections of ``Config`` and no others. Every refusal names the file, the key
and the fix. Values given with ``--set section.key=value`` go over the file's.
"""

import difflib
import hashlib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from engine.config.fields import DecimalText, FeeRate, NotNegative, Positive, Section, Symbol
from engine.config.paper import PaperSection, grid_of, paper_settings, settle_paths, settled
from engine.config.toml_file import read_toml
from engine.core.desk_layout import LONGEST_WINDOW_S, MOST_FILLS, MOST_LEVELS
from engine.core.settings import DeskSettings, FairName, IntensityName, VolatilityName
from engine.core.states import Mode
from engine.errors import ConfigError
from exchange.errors import ExchangeError
from exchange.instrument import Instrument
from exchange.paper.settings import PaperSettings
from exchange.queue_models import QUEUE_MODELS, QueueModel, QueueModelName

RENAMED = {"calibration.widest_gap": "calibration.max_misfit"}
"""Keys of older files, and what each is called now."""

_MOST_LOTS = 2**38
"""Of any size; money is counted exactly up to twice as many in one execution."""


DeskName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z",
        description="a name of at most 40 letters, digits, dots, dashes and underscores",
    ),
]
"""As a folder can be called."""


class DeskSection(Section, frozen=True, kw_only=True):
    mode: Literal["paper"]
    symbol: Symbol
    capital_usdt: Positive
    name: DeskName | None = None


class InstrumentSection(Section, frozen=True, kw_only=True):
    tick_size: DecimalText
    lot_size: DecimalText


class StrategySection(Section, frozen=True, kw_only=True):
    name: Literal["glft", "tutorial"] = "glft"
    gamma: Positive
    delta: Positive
    adj1: Positive
    adj2: NotNegative
    order_qty: DecimalText
    max_position: DecimalText
    grid_num: Annotated[int, msgspec.Meta(ge=1, le=20)]
    fair: FairName = "mid"
    fair_qty: DecimalText | None = None


class CalibrationSection(Section, frozen=True, kw_only=True):
    window_s: Annotated[float, msgspec.Meta(ge=1, le=LONGEST_WINDOW_S)]
    recalibrate_s: Annotated[float, msgspec.Meta(ge=0.1, le=86_400)]
    intensity: IntensityName = "mle"
    levels: Annotated[int, msgspec.Meta(ge=3, le=MOST_LEVELS)]
    nearest_ticks: Annotated[float, msgspec.Meta(ge=0, le=32)] = 0.0
    max_misfit: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.1
    hold_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 600.0
    volatility: VolatilityName = "realised"
    volatility_step_s: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 1.0
    prior_A_per_s: Positive | None = None
    prior_k_per_tick: Positive | None = None
    prior_sigma_ticks: Positive | None = None


class RiskSection(Section, frozen=True, kw_only=True):
    max_loss_pct: Annotated[float, msgspec.Meta(gt=0, le=100)]
    freshness_ms: Annotated[int, msgspec.Meta(ge=200)]


class ReplaySection(Section, frozen=True, kw_only=True):
    fills: Literal["desk", "hftbacktest"] = "desk"
    feed_latency_ms: NotNegative
    order_latency_ms: NotNegative
    response_latency_ms: NotNegative
    queue: QueueModelName
    queue_power: Positive | None = None
    maker_fee_rate: FeeRate
    taker_fee_rate: FeeRate

    @property
    def queue_model(self) -> tuple[QueueModel, float]:
        """The model and its exponent."""
        model, power = QUEUE_MODELS[self.queue]
        return model, self.queue_power or power


class Config(Section, frozen=True, kw_only=True):
    """One desk: one account, one symbol, one set of parameters."""

    desk: DeskSection
    instrument: InstrumentSection
    strategy: StrategySection
    calibration: CalibrationSection
    risk: RiskSection
    paper: PaperSection
    replay: ReplaySection
    source: str = ""
    """Where it was read from, for messages."""

    @property
    def name(self) -> str:
        return Path(self.source).name

    @property
    def desk_name(self) -> str:
        """What the desk is called: as it says, or by what it trades and where."""
        desk = self.desk
        return desk.name or f"{desk.mode}-{desk.symbol.lower()}-{self.paper.port}"

    @property
    def digest(self) -> str:
        """The same for the same settings, wherever they were written and however called."""
        nameless = msgspec.structs.replace(self.desk, name=None)
        settings = msgspec.structs.replace(self, source="", desk=nameless)
        return hashlib.sha256(msgspec.json.encode(settings)).hexdigest()[:16]

    @property
    def mode(self) -> Mode:
        return Mode(self.desk.mode.upper())

    def grid(self) -> Instrument:
        return grid_of(
            self.desk.symbol,
            self.instrument.tick_size,
            self.instrument.lot_size,
            "instrument",
            self.source,
        )

    def desk_settings(self, *, replay: bool = False) -> DeskSettings:
        """What the trader needs, on the instrument's grid.

        Args:
            replay: Fees are those of the section ``replay``, not of the paper exchange.

        Raises:
            ConfigError: When a size or price is off the grid or two values contradict.
        """
        self._check_strategy(replay=replay)
        grid = self.grid()
        order_lots = self._count(grid.qty.count, "strategy.order_qty", self.strategy.order_qty)
        max_lots = self._count(grid.qty.count, "strategy.max_position", self.strategy.max_position)
        if max_lots < order_lots:
            raise ConfigError(
                self.source, "strategy.max_position", "is smaller than strategy.order_qty"
            )
        prior = (
            self.calibration.prior_A_per_s,
            self.calibration.prior_k_per_tick,
            self.calibration.prior_sigma_ticks,
        )
        given = [value for value in prior if value is not None]
        if given and len(given) < len(prior):
            raise ConfigError(
                self.source,
                "calibration",
                "prior_A_per_s, prior_k_per_tick and prior_sigma_ticks go together",
            )
        settings = DeskSettings(
            config=self.name,
            symbol=self.desk.symbol,
            capital_usdt=self.desk.capital_usdt,
            gamma=self.strategy.gamma,
            delta=self.strategy.delta,
            adj1=self.strategy.adj1,
            adj2=self.strategy.adj2,
            order_lots=order_lots,
            max_position_lots=max_lots,
            grid_num=self.strategy.grid_num,
            window_s=self.calibration.window_s,
            recalibrate_s=self.calibration.recalibrate_s,
            fair=self.strategy.fair,
            fair_lots=self._fair_lots(grid),
            maker_fee_rate=(self.replay if replay else self.paper).maker_fee_rate,
            intensity=self.calibration.intensity,
            levels=self.calibration.levels,
            nearest_ticks=self.calibration.nearest_ticks,
            max_misfit=self.calibration.max_misfit,
            hold_s=self.calibration.hold_s,
            volatility=self.calibration.volatility,
            volatility_step_s=self.calibration.volatility_step_s,
            prior=(given[0], given[1], given[2]) if given else None,
            max_loss_usdt=self.desk.capital_usdt * self.risk.max_loss_pct / 100,
            freshness_ms=self.risk.freshness_ms,
        )
        if self.strategy.name != "tutorial":  # which has neither table nor sampled sigma
            self._check_reach(settings)
        return settings

    def _check_strategy(self, *, replay: bool) -> None:
        if self.strategy.name != "tutorial":
            return
        if not replay:
            raise ConfigError(
                self.source,
                "strategy.name",
                "is the tutorial, which has none of this desk's safety rules; only engine replay "
                'runs it. To trade, take "glft"',
            )
        if self.replay.fills != "hftbacktest":
            raise ConfigError(
                self.source,
                "replay.fills",
                'must be "hftbacktest": the tutorial is there to be compared with that program',
            )

    def _check_reach(self, settings: DeskSettings) -> None:
        if settings.bound(settings.delta) > MOST_FILLS:
            raise ConfigError(
                self.source,
                "strategy.max_position",
                f"is more than {MOST_FILLS} fills of strategy.order_qty times "
                "strategy.delta; enlarge the order",
            )
        if settings.window_s < 2 * settings.volatility_step_s:
            raise ConfigError(
                self.source,
                "calibration.volatility_step_s",
                "must fit into calibration.window_s at least twice",
            )

    def _fair_lots(self, grid: Instrument) -> int:
        if self.strategy.fair_qty is not None:
            return self._count(grid.qty.count, "strategy.fair_qty", self.strategy.fair_qty)
        if self.strategy.fair == "depth_weighted":
            raise ConfigError(
                self.source,
                "strategy.fair_qty",
                'is missing; fair = "depth_weighted" needs the size to look down to, such as "1.0"',
            )
        return 0

    def paper_settings(self) -> PaperSettings:
        """What the embedded exchange needs. Raises ``ConfigError`` like ``desk_settings``."""
        return paper_settings(
            self.paper, self.replay.queue, self.grid(), self.desk.capital_usdt, self.source
        )

    def _count(self, count: Any, key: str, text: str) -> int:
        try:
            steps = int(count(text))
        except ExchangeError as error:
            raise ConfigError(self.source, key, str(error)) from error
        if steps < 1:
            raise ConfigError(self.source, key, "must be positive")
        if steps > _MOST_LOTS:
            raise ConfigError(self.source, key, f"is more than {_MOST_LOTS} lots")
        return steps


def load_config(path: Path, overrides: list[str] | None = None) -> Config:
    """Read and check a config file, with ``section.key=value`` texts over it.

    Paths in the file count from its folder, those in the texts from the current one.

    Raises:
        ConfigError: Names the file, the key and what is wrong.
    """
    tables = read_toml(path, "configs/paper.toml")
    if "source" in tables:
        raise ConfigError(path, "source", "is not a key of this file")
    settle_paths(tables, path.resolve().parent)
    for text in overrides or []:
        _apply_override(tables, settled(text))
    try:
        return msgspec.convert({**tables, "source": str(path)}, Config)
    except msgspec.ValidationError as error:
        wrong = _readable(path, str(error))
        if any(text.startswith(f"{wrong.key}=") for text in overrides or []):
            wrong = ConfigError("--set", wrong.key, wrong.problem)
        raise wrong from error


def _apply_override(tables: dict[str, Any], text: str) -> None:
    match = re.fullmatch(r"(\w+)\.(\w+)=(.*)", text, re.DOTALL)
    if match is None:
        raise ConfigError("--set", text, "write it as section.key=value")
    section, key, value = match.groups()
    try:
        parsed = tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        parsed = value
    table = tables.setdefault(section, {})
    if not isinstance(parsed, str) and _holds_text(section, key):
        parsed = value  # such as order_qty = "0.003"
    table[key] = parsed


def _section(key: str) -> Any:
    """The table that a dotted key leads to, through lists of tables too; None when none does."""
    section: Any = Config
    for part in filter(None, key.split(".")):
        fields = {field.name: field.type for field in msgspec.structs.fields(section)}
        found = fields.get(part.partition("[")[0])
        section = next(iter(get_args(found)), None) if "[" in part else found
        if not isinstance(section, type(msgspec.Struct)):
            return None
    return section


def _type_of(section: str, key: str) -> Any:
    """What a key of a section is declared as; None when there is none."""
    table = _section(section)
    fields = msgspec.structs.fields(table) if table is not None else ()
    return {field.name: field.type for field in fields}.get(key)


def _described(declared: Any) -> str:
    """What a text that must match a pattern is, in words."""
    metas = (
        meta
        for part in (declared, *get_args(declared))
        for meta in getattr(part, "__metadata__", ())
    )
    return next(str(meta.description) for meta in metas if meta.description)


def _holds_text(section: str, key: str) -> bool:
    declared = _type_of(section, key)
    return any(str in (part, *get_args(part)) for part in (declared, *get_args(declared)))


def _readable(path: Path, message: str) -> ConfigError:
    """msgspec's ``... - at `$.a.b``` as file, key and problem."""
    problem, _, where = message.partition(" - at ")
    key = where.strip("`").removeprefix("$.").removeprefix("$")
    unknown = re.search(r"unknown field `(\w+)`", problem)
    missing = re.search(r"missing required field `(\w+)`", problem)
    named = unknown or missing
    if named is None:
        section, _, leaf = key.rpartition(".")
        declared, choices = _type_of(section, leaf), ""
        if "matching regex" in problem:
            problem = f"must be {_described(declared)}"
        if problem.startswith("Invalid enum value"):
            choices = f"; known here: {', '.join(get_args(declared))}"
        return ConfigError(path, key, problem[:1].lower() + problem[1:] + choices)
    full_key = f"{key}.{named[1]}" if key else named[1]
    if missing:
        return ConfigError(path, full_key, "is missing")
    if full_key in RENAMED:
        return ConfigError(path, full_key, f"is called {RENAMED[full_key]} now")
    known = [name for name in _section(key).__struct_fields__ if name != "source"]
    near = difflib.get_close_matches(named[1], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return ConfigError(path, full_key, f"is not a setting; {hint}")
