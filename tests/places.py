"""Paths of the real recordings."""

from pathlib import Path

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
"""The shared folder of recordings; its README says what each file holds."""
USDM = DATA / "hftbacktest" / "usdm" / "btcusdt_20240808.gz"
COINM = DATA / "hftbacktest" / "cm" / "btcusd_perp_20240808.gz"
SPOT = DATA / "hftbacktest" / "spot" / "btcusdt_20240808.gz"
SPOT_NEXT_DAY = DATA / "hftbacktest" / "spot" / "btcusdt_20240809.gz"
THIN = DATA / "playground" / "spot" / "nexousdt_20240723.dat"
PARITY = DATA.parent / "parity"
"""What hftbacktest 2.4.4 made of ``USDM``: fills of three runs."""
INPUTS = DATA.parent / "inputs"
"""Twenty seconds of ``USDM``, each with one thing changed as people's own recordings have it."""
BASE = INPUTS / "base" / "base20.gz"
