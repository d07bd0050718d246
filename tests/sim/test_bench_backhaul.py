"""`helio bench backhaul`, short: every row is there, and what is no time holds."""

import pytest

pytestmark = pytest.mark.system
pytest.importorskip("nats", reason="pip install 'heliograph[backhaul]'")


def test_every_row(monkeypatch):
    from tools import bench_backhaul

    for name, value in {"CATCH_UP": 600, "STEADY": 600, "MANY": 40, "IDLE_S": 2}.items():
        monkeypatch.setattr(bench_backhaul, name, value)
    rows = bench_backhaul.measure(1)["results"]
    assert all(row["value"] is not None for row in rows)
    assert sum(row["target"] is not None for row in rows) == 5
    (few,) = (
        r["value"] for r in rows if r["what"].startswith("hub's bytes out") and "10" in r["what"]
    )
    (many,) = (
        r["value"] for r in rows if r["what"].startswith("hub's bytes out") and "40" in r["what"]
    )
    assert many <= 1.5 * few  # bytes of the servers among themselves vary a little
    (idle,) = (r["value"] for r in rows if r["what"].startswith("requests of an idle"))
    assert idle <= 60  # one in two seconds; it is 0 but for what the servers say to each other
