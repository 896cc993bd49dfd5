"""Config section ``paper``: several symbols and accounts, and what is said when one is wrong."""

from pathlib import Path

import pytest

from engine.config.desk import load_config
from engine.desks.record import config_arguments
from engine.errors import ConfigError
from exchange.instrument import E8
from exchange.paper.settings import RecordedMarket, SyntheticMarket
from tests.engine.test_config import PAPER

FURTHER = """
[[paper.symbols]]
symbol = "ETHUSDT"
tick_size = "0.01"
lot_size = "0.001"
start_price = "3000"
sigma_ticks = 12.0

[[paper.accounts]]
name = "rival"
api_key = "k"
api_secret = "s"
capital_usdt = 1000
maker_fee_rate = -0.0001
"""


def extended(tmp_path: Path, old: str = "", new: str = "") -> Path:
    path = tmp_path / "paper.toml"
    assert old in FURTHER
    further = FURTHER.replace(old, new) if old else FURTHER
    path.write_text(PAPER.read_text(encoding="utf-8") + further, encoding="utf-8")
    return path


def test_a_further_symbol_says_what_differs_and_moves_by_itself(tmp_path: Path) -> None:
    bitcoin, ether = load_config(extended(tmp_path)).paper_settings().listings

    assert isinstance(bitcoin.market, SyntheticMarket)
    assert isinstance(ether.market, SyntheticMarket)
    assert (ether.instrument.symbol, ether.instrument.price.step) == ("ETHUSDT", "0.01")
    assert (ether.market.start_price_ticks, ether.market.sigma_ticks) == (300_000, 12.0)
    assert ether.market.A_per_s == bitcoin.market.A_per_s
    assert ether.market.seed != bitcoin.market.seed


def test_a_further_account_has_its_own_key_money_and_fees(tmp_path: Path) -> None:
    desk, rival = load_config(extended(tmp_path)).paper_settings().accounts

    assert (rival.name, rival.api_key, rival.capital_e8) == ("rival", "k", 1000 * E8)
    assert (rival.maker_fee_rate, rival.taker_fee_rate) == (-0.0001, desk.taker_fee_rate)


def test_a_secret_is_never_printed(tmp_path: Path) -> None:
    settings = load_config(extended(tmp_path, '"s"', '"s-e-c-r-e-t"')).paper_settings()

    assert "s-e-c-r-e-t" not in repr(settings)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sigma_ticks", "sigma_tics", r"paper.symbols\[0\].sigma_tics: .*did you mean sigma_ticks"),
        ('"3000"', '"3000.001"', r"paper.symbols\[0\].start_price: 3000.001 is not a multiple"),
        ('"3000"', '"0.50"', r"paper.symbols\[0\].start_price: must lie more than .* 64 ticks"),
        ('"0.01"', '"0.0"', r"paper.symbols\[0\].tick_size: must be positive"),
        ("ETHUSDT", "ETHBTC", r"paper.symbols\[0\].symbol: "),
        ('"k"', '"k k"', r"paper.accounts\[0\].api_key: "),
        ('"0.001"', '"0.00000001"', r"paper.symbols\[0\].lot_size: ETHUSDT: tick times lot"),
        ("ETHUSDT", "BTCUSDT", "paper.symbols.symbol: BTCUSDT stands twice"),
        ('"rival"', '"desk"', "paper.accounts.name: desk stands twice"),
        ('"k"', '"paper-desk"', "paper.accounts.api_key: paper-desk stands twice"),
        ("capital_usdt = 1000", "", r"paper.accounts\[0\].capital_usdt: is missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(extended(tmp_path, old, new)).paper_settings()


def test_a_path_in_the_file_counts_from_its_folder_and_one_by_hand_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, here = tmp_path / "configs", tmp_path / "here"
    for made in (folder, here):
        made.mkdir()
        (made / "day.gz").write_bytes(b"")
    path = folder / "paper.toml"
    text = PAPER.read_text(encoding="utf-8")
    path.write_text(text.replace("[paper] ", '[paper]\nmarket = "day.gz"\n#'), encoding="utf-8")
    monkeypatch.chdir(here)

    by_file = load_config(path).paper_settings().listings[0].market
    by_hand = load_config(path, ["paper.market=day.gz"]).paper_settings().listings[0].market

    assert by_file == RecordedMarket(folder / "day.gz")
    assert by_hand == RecordedMarket(here / "day.gz")
    assert config_arguments(path, ["paper.market=day.gz", "paper.seed=3"])[3:] == [
        f"paper.market={here / 'day.gz'}",
        "--set",
        "paper.seed=3",
    ]


def test_a_recording_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"paper.market: .*nowhere.gz is no file; name a rec"):
        load_config(PAPER, ["paper.market=nowhere.gz"]).paper_settings()
