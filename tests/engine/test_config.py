"""Desk config: a wrong setting is refused at start, by file, key and fix."""

from pathlib import Path

import pytest

from engine.config.desk import load_config
from engine.core.states import Mode
from engine.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "configs"
PAPER = CONFIGS / "paper.toml"


def refusal(*overrides: str, path: Path = PAPER) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, list(overrides)).desk_settings()
    return str(caught.value).removeprefix(f"{path}: ")


def edited(tmp_path: Path, old: str, new: str) -> Path:
    path = tmp_path / "edited.toml"
    text = PAPER.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["paper.toml", "study.toml"])
def test_every_config_that_we_ship_is_good(name: str) -> None:
    """They are documentation that runs."""
    config = load_config(CONFIGS / name)

    assert config.mode is Mode.PAPER
    assert config.desk_settings().config == name
    assert config.paper_settings().accounts[0].capital_e8 > 0


def test_study_config_holds_the_study_s_own_parameters() -> None:
    """gamma .3, delta 3, adj1 1.5, adj2 10 per BTC, .003 of at most .12, 4 a side, 40 levels."""
    desk = load_config(CONFIGS / "study.toml").desk_settings()

    assert (desk.gamma, desk.delta, desk.adj1, desk.grid_num) == (0.3, 3, 1.5, 4)
    assert desk.adj2 == pytest.approx(10 * 0.003)
    assert (desk.order_lots, desk.max_position_lots) == (3, 120)
    assert (desk.window_s, desk.recalibrate_s, desk.levels) == (600, 5, 20)
    assert desk.capital_usdt == 302
    assert desk.prior is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("strategy.gama=1", "strategy.gama: is not a setting; did you mean gamma?"),
        ("strategie.gamma=1", "strategie: is not a setting; did you mean strategy?"),
        (
            "calibration.widest_gap=0.1",
            "calibration.widest_gap: is called calibration.max_misfit now",
        ),
        ("strategy.gamma=0", "strategy.gamma: expected `float` > 0.0"),
        ("strategy.gamma=lots", "strategy.gamma: expected `float`, got `str`"),
        ("strategy.grid_num=0", "strategy.grid_num: expected `int` >= 1"),
        ("strategy.order_qty=0.0005", "strategy.order_qty: 0.0005 is not a multiple of 0.001"),
        ("strategy.order_qty=0", "strategy.order_qty: must be positive"),
        ("strategy.max_position=0.001", "strategy.max_position: is smaller than"),
        (
            "strategy.max_position=275000000",
            "strategy.max_position: is more than 274877906944 lots",
        ),
        ("desk.mode=live", "desk.mode: invalid enum value 'live'"),
        ("strategy.gamma=inf", "strategy.gamma: expected `float` <= 1"),
        ("desk.capital_usdt=1e308", "desk.capital_usdt: expected `float` <= 1"),
        ("calibration.window_s=inf", "calibration.window_s: expected `float` <= 3600"),
        (
            "strategy.order_qty=99999999999999999999",
            "strategy.order_qty: must be a decimal such as",
        ),
        ("desk.symbol=../../x", "desk.symbol: must be a symbol of the venue, such as BTCUSDT"),
        ("paper.port=80", "paper.port: expected `int` >= 1024"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(override: str, message: str) -> None:
    """The trader reads one line and knows what to change."""
    assert refusal(override).removeprefix("--set: ").startswith(message)


def test_an_override_must_say_section_key_and_value() -> None:
    """``--set gamma=1`` sets nothing that anybody meant."""
    assert refusal("gamma=1") == "--set: gamma=1: write it as section.key=value"


def test_an_exact_decimal_may_be_set_without_quotes() -> None:
    """On a command line quotes are the shell's."""
    config = load_config(PAPER, ["strategy.order_qty=0.005"])

    assert config.strategy.order_qty == "0.005"


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    """Nothing that moves money has a hidden default."""
    path = edited(tmp_path, "gamma = 0.01", "")

    assert refusal(path=path) == "strategy.gamma: is missing"


def test_half_a_prior_is_refused(tmp_path: Path) -> None:
    """A, k and sigma come from the same market or not at all."""
    path = edited(tmp_path, "prior_k_per_tick = 0.12", "")

    assert "go together" in refusal(path=path)


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    """With the parser's line and column."""
    path = edited(tmp_path, "[desk]", "[desk")

    assert "is not TOML" in refusal(path=path)


def test_a_file_that_is_not_there_says_which_one_is(tmp_path: Path) -> None:
    """A typo in --config is the most likely first mistake."""
    assert "no such file" in refusal(path=tmp_path / "none.toml")


def test_the_digest_tells_settings_apart_and_not_files(tmp_path: Path) -> None:
    """A screen shows when the engine that runs was started with others."""
    paper = load_config(PAPER)
    same = load_config(edited(tmp_path, "[desk]", "[desk] # other words"))
    other = load_config(PAPER, ["strategy.gamma=0.02"])

    assert paper.digest == same.digest != other.digest


def test_text_may_be_set_without_quotes() -> None:
    """The error that asks for fair_qty shows a number, and a shell eats quotes."""
    path = CONFIGS / "paper.toml"
    config = load_config(path, ["strategy.fair=depth_weighted", "strategy.fair_qty=1.0"])

    assert config.desk_settings().fair_lots == 1000


@pytest.mark.parametrize(
    ("override", "key", "hint"),
    [
        ("strategy.fair=median", "strategy.fair", "microprice"),
        ("calibration.intensity=MLE", "calibration.intensity", "mle, wls, ols, online"),
        ("calibration.volatility=garch", "calibration.volatility", "two_scale"),
    ],
)
def test_a_wrong_choice_is_answered_with_the_right_ones(override: str, key: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(CONFIGS / "paper.toml", [override])

    assert caught.value.key == key
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["strategy.fair=depth_weighted"], "strategy.fair_qty"),
        (["strategy.max_position=60"], "strategy.max_position"),
        (
            ["calibration.window_s=2", "calibration.volatility_step_s=1.5"],
            "calibration.volatility_step_s",
        ),
    ],
)
def test_values_that_do_not_go_together_name_the_key_to_mend(
    overrides: list[str], key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(CONFIGS / "paper.toml", overrides).desk_settings()

    assert caught.value.key == key
