"""Sheets of labels: every node once, inside its label, with nothing secret on it."""

import argparse
import json
from xml.etree import ElementTree

import pytest

from gateway import labels as module
from gateway.errors import UserError
from gateway.labels import PAGE_H, PAGE_W, arrange, labels, pdf, svg
from gateway.network import confirm, create, new_record
from gateway.network_card import NetworkFacts, public_key

SEED = bytes(range(32))
TEXT = "{http://www.w3.org/2000/svg}text"


@pytest.fixture
def home(tmp_path):
    create(tmp_path, NetworkFacts("Tal & Söhne", "EU", 6, b"k" * 32, 0, public_key(SEED), SEED))
    return tmp_path


def with_nodes(home, count, **names):
    for i in range(count):
        confirm(home, new_record(home, name=names.get(f"n{i}"))[0]["node"])
    return home


def run(home, **options):
    given = {"data": str(home), "json": True, "svg": None, "pdf": None}
    return labels(argparse.Namespace(**(given | options)))


def test_every_node_has_a_label_and_no_label_a_key(home, capsys):
    with_nodes(home, 30, n0="<Feuerwehrhaus> Nord 1")
    new_record(home, name="planned")
    assert run(home, svg=str(home / "sheet.svg")) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"nodes": 30, "files": [str(home / "sheet.svg"), str(home / "sheet-2.svg")]}
    texts = []
    for file in told["files"]:
        texts += [e.text for e in ElementTree.parse(file).iter(TEXT)]
    with module.opened(home) as network:
        nodes = network.nodes()
        assert len(nodes) == 31
        for node in nodes:
            shown = " ".join(node["id"][i : i + 4] for i in (0, 4, 8))
            assert texts.count(shown) == (node["name"] != "planned")
            for key in ("network_key", "command_key", "secret"):
                assert network.record(node["id"])[key] not in " ".join(texts)
    assert "<Feuerwehrhaus>" in texts
    assert "Nord 1" in texts
    assert texts.count("Tal & Söhne") == 30


def test_everything_lies_in_its_label_and_on_the_page():
    wide = {"id": "26" * 6, "name": "W" * 24}
    (sheet,) = arrange([wide] * 24, "M" * 24)
    assert len(sheet.cuts) == 24
    for x, y, w, h in sheet.bars + sheet.cuts:
        assert x >= 0 <= y
        assert x + w <= PAGE_W
        assert y + h <= PAGE_H
    for x, y, height, _, text in sheet.lines:
        right, above = x + 0.62 * height * len(text), y - height
        assert any(
            left < x < right < left + w and top < above < y < top + h
            for left, top, w, h in sheet.cuts
        )


def test_the_code_is_what_a_reader_would_see():
    """The bars, painted into squares, are the code's own matrix."""
    import segno

    node = {"id": "26010203040a", "name": "north"}
    (sheet,) = arrange([node], "Tal")
    matrix = segno.make(module.code_of(node["id"], "Tal"), error="m", micro=False).matrix
    side = sheet.bars[0][3]
    left, top = min(bar[0] for bar in sheet.bars), min(bar[1] for bar in sheet.bars)
    painted = [bytearray(len(matrix)) for _ in matrix]
    for x, y, w, _ in sheet.bars:
        start = round((x - left) / side)
        row = painted[round((y - top) / side)]
        row[start : start + round(w / side)] = b"\1" * round(w / side)
    assert [list(row) for row in painted] == [list(row) for row in matrix]
    assert "26010203040a" in module.code_of(node["id"], "Tal")


def test_a_pdf_has_the_same_pages(home, capsys):
    with_nodes(home, 25)
    assert run(home, pdf=str(home / "sheet.pdf")) == 0
    assert json.loads(capsys.readouterr().out)["nodes"] == 25
    content = (home / "sheet.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") == 2
    (sheet,) = arrange([{"id": "26" * 6, "name": "северная"}], "Tal")
    assert "северная" in svg(sheet)
    with pytest.raises(UserError, match="no letters for северная: use --svg"):
        pdf([sheet])


def test_mistakes(home):
    with pytest.raises(UserError, match="--svg FILE or --pdf FILE"):
        run(home)
    with pytest.raises(UserError, match="no nodes yet"):
        run(home, svg=str(home / "x.svg"))
    with_nodes(home, 1)
    with pytest.raises(UserError, match="cannot be written: No such file"):
        run(home, svg=str(home / "none" / "x.svg"))
    with pytest.raises(UserError, match="cannot be written: No space left"):
        run(home, svg="/dev/full")
