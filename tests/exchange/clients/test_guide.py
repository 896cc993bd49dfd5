"""Guide examples, run as they stand: only the port and the key are those of the test."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from engine.config.desk import load_config
from engine.config.paper import PAPER_API_KEY, PAPER_API_SECRET
from exchange.paper.faults.plan import _KINDS, parse_plan
from tests.exchange.clients.exchange import SYMBOL, Exchange
from tests.exchange.paper.bench import KEY, SECRET

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "exchange.md"
PAPER = GUIDE.parents[1] / "configs" / "paper.toml"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def run_block(number: int, exchange: Exchange) -> dict[str, Any]:
    """The names that one of the guide's programs leaves behind."""
    text = blocks("python")[number].replace("8611", str(exchange.port))
    assert "8611" in blocks("python")[number]
    text = text.replace(PAPER_API_SECRET, SECRET).replace(PAPER_API_KEY, KEY)
    names: dict[str, Any] = {}
    exec(text, names)
    return names


def test_the_official_sdk_is_pointed_as_the_guide_says(quiet: Exchange) -> None:
    client = run_block(0, quiet)["client"]

    assert client.rest_api.futures_account_balance_v3().data()[0].asset == "USDT"


async def test_python_binance_is_pointed_as_the_guide_says(quiet: Exchange) -> None:
    with pytest.MonkeyPatch.context() as urls:
        # Puts back what the block changes; by way of who knows how to import it quietly.
        urls.setattr("tests.exchange.clients.test_python_binance.AsyncClient.WS_FUTURES_URL", "")
        client = run_block(1, quiet)["client"]
    try:
        assert (await client.futures_account_balance())[0]["asset"] == "USDT"
    finally:
        await client.close_connection()


async def test_ccxt_is_pointed_as_the_guide_says(quiet: Exchange) -> None:
    client = run_block(2, quiet)["exchange"]
    try:
        balance = await client.fetch_balance()
    finally:
        await client.close()

    assert balance["USDT"]["total"] == 10_000


def test_the_guides_symbols_and_accounts_are_a_config(tmp_path: Path) -> None:
    path = tmp_path / "paper.toml"
    path.write_text(PAPER.read_text(encoding="utf-8") + blocks("toml")[0], encoding="utf-8")

    settings = load_config(path).paper_settings()

    assert [one.instrument.symbol for one in settings.listings] == [SYMBOL, "ETHUSDT"]
    assert [account.name for account in settings.accounts] == ["desk", "rival"]


def test_the_guides_faults_are_a_plan() -> None:
    plan = parse_plan(tomllib.loads(blocks("toml")[1]), "guide")

    assert [str(fault.__struct_config__.tag) for fault in plan.faults] == [
        "refuse",
        "delay",
        "depth_gap",
    ]


def test_every_kind_of_fault_stands_in_the_guide() -> None:
    told = GUIDE.read_text(encoding="utf-8")

    assert [kind for kind in _KINDS if f"`{kind}`" not in told] == []
