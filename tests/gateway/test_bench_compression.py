"""`helio bench compression`: every language has its row, and the targets are judged."""

from tools.bench_compression import measure
from tools.train_dictionary import NAMES


def test_rows_and_targets():
    rows = measure()
    assert [r["what"][:2] for r in rows[: len(NAMES)]] == NAMES
    judged = [r for r in rows if r["bound"]]
    assert len(judged) == 12, "eleven alphabets and the mean"
    assert all(r["holds"] for r in judged)
    assert all(0 < r["value"] < 100 for r in rows)
