"""helio labels: a sheet of labels to cut out, with each node's name, id and a QR code.

A label says what anybody near the node can hear anyway, and the network's name; no key is on it.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import segno

from gateway.commands import data_dir, show
from gateway.errors import UserError
from gateway.network import DONE, opened

# Millimetres, of an A4 sheet with 3 x 8 labels as stationers sell them.
PAGE_W, PAGE_H = 210.0, 297.0
_COLUMNS, _ROWS = 3, 8
_W, _H = 63.5, 33.9
_LEFT, _TOP, _STEP = 7.2, 12.9, 66.0
_PAD, _QR, _QUIET = 4.0, 22.0, 3.0  # beside a QR code nothing is printed for four of its squares
_TEXT_W = _W - _PAD - _QR - 2 * _QUIET
_NAME = 5.0  # height of a name that fits in one line
_LETTER = 0.62  # widths of a bold letter in its height, on average


@dataclass
class Sheet:
    """One page. lines: (x, y of the base line, height, bold, text). bars: (x, y, width, height),
    black. cuts: the same, outlines."""

    lines: list[tuple[float, float, float, bool, str]] = field(default_factory=list)
    bars: list[tuple[float, float, float, float]] = field(default_factory=list)
    cuts: list[tuple[float, float, float, float]] = field(default_factory=list)


def labels(args: argparse.Namespace) -> int:
    """helio labels: of every node that was provisioned here."""
    if bool(args.svg) == bool(args.pdf):
        raise UserError("say --svg FILE or --pdf FILE")
    with opened(data_dir(args)) as network:
        name = network.facts.name
        nodes = [node for node in network.nodes() if node["state"] == DONE]
    if not nodes:
        raise UserError("there are no nodes yet: helio provision")
    sheets = arrange(nodes, name)
    if args.svg:
        first = Path(args.svg)
        paths = [first, *(_numbered(first, n) for n in range(2, len(sheets) + 1))]
        files = {path: svg(sheet).encode() for path, sheet in zip(paths, sheets, strict=True)}
    else:
        files = {Path(args.pdf): pdf(sheets)}
    for path, content in files.items():
        try:
            path.write_bytes(content)
        except OSError as e:
            raise UserError(f"{path} cannot be written: {e.strerror or e}") from None
    names = [str(path) for path in files]
    told = {"nodes": len(nodes), "files": names}
    show(args, told, f"{len(nodes)} labels in {', '.join(names)}")
    return 0


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


def code_of(node: str, network: str) -> str:
    """What the QR code of a label says."""
    return f"HELIONODE:{node}:{network}"


def arrange(nodes: list[dict[str, Any]], network: str) -> list[Sheet]:
    """Nodes (Network.nodes()) to the pages of their labels."""
    each = _COLUMNS * _ROWS
    sheets = []
    for start in range(0, len(nodes), each):
        sheet = Sheet()
        for place, node in enumerate(nodes[start : start + each]):
            x = _LEFT + place % _COLUMNS * _STEP
            y = _TOP + place // _COLUMNS * _H
            _label(sheet, x, y, node, network)
        sheets.append(sheet)
    return sheets


def _label(sheet: Sheet, x: float, y: float, node: dict[str, Any], network: str) -> None:
    sheet.cuts.append((x, y, _W, _H))
    code(sheet, x + _PAD, y + (_H - _QR) / 2, _QR, code_of(node["id"], network))
    at = x + _PAD + _QR + _QUIET
    name = _halved(node["name"]) if _fits(node["name"], _NAME) < _NAME else [node["name"]]
    large = min(_fits(text, _NAME) for text in name)
    groups = " ".join(node["id"][i : i + 4] for i in range(0, 12, 4))
    rows = [(large, True, text) for text in name] + [(3.4, False, groups), (3.0, False, network)]
    down = (_H - sum(1.5 * height for height, _, _ in rows)) / 2
    for height, bold, text in rows:
        down += 1.5 * height
        sheet.lines.append((at, y + down - height / 2, _fits(text, height), bold, text))


def _fits(text: str, height: float) -> float:
    """The height, or a smaller one with which the text is no wider than its place."""
    return min(height, _TEXT_W / (_LETTER * len(text)))


def _halved(text: str) -> list[str]:
    """In two lines, at the space nearest to the middle."""
    spaces = [at for at, letter in enumerate(text) if letter == " "]
    if not spaces:
        return [text]
    at = min(spaces, key=lambda place: abs(2 * place - len(text)))
    return [text[:at], text[at + 1 :]]


def code(sheet: Sheet, x: float, y: float, size: float, text: str) -> None:
    """A QR code so wide, its rows as bars: fewer and without seams."""
    rows = segno.make(text, error="m", micro=False, encoding="utf-8").matrix
    side = size / len(rows)
    for down, row in enumerate(rows):
        start = 0
        while start < len(row):
            end = start
            while end < len(row) and row[end]:
                end += 1
            if end > start:
                sheet.bars.append((x + start * side, y + down * side, (end - start) * side, side))
            start = end + 1


def svg(sheet: Sheet) -> str:
    """A page as SVG."""
    bars = "".join(f"M{x:.3f} {y:.3f}h{w:.3f}v{h:.3f}h{-w:.3f}z" for x, y, w, h in sheet.bars)
    cuts = "".join(f"M{x:.3f} {y:.3f}h{w:.3f}v{h:.3f}h{-w:.3f}z" for x, y, w, h in sheet.cuts)
    lines = "\n".join(
        f'<text x="{x:.2f}" y="{y:.2f}" font-size="{height:.2f}"'
        f"{' font-weight=' + chr(34) + 'bold' + chr(34) if bold else ''}>{escape(text)}</text>"
        for x, y, height, bold, text in sheet.lines
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{PAGE_W}mm" height="{PAGE_H}mm"'
        f' viewBox="0 0 {PAGE_W} {PAGE_H}" font-family="Helvetica, Arial, sans-serif">\n'
        f'<path d="{cuts}" fill="none" stroke="#bbb" stroke-width="0.1"/>\n'
        f'<path d="{bars}" shape-rendering="crispEdges"/>\n{lines}\n</svg>\n'
    )


def pdf(sheets: list[Sheet]) -> bytes:
    """Pages as PDF. UserError without fpdf2, or for letters that its fonts lack."""
    try:
        from fpdf import FPDF
    except ImportError:
        raise UserError("--pdf wants fpdf2: pip install 'heliograph[labels]', or --svg") from None
    document = FPDF(unit="mm", format="A4")
    document.set_draw_color(187)
    document.set_line_width(0.1)
    for sheet in sheets:
        document.add_page()
        for cut in sheet.cuts:
            document.rect(*cut)
        for bar in sheet.bars:
            document.rect(*bar, style="F")
        for x, y, height, bold, text in sheet.lines:
            try:
                text.encode("latin-1")
            except UnicodeEncodeError:
                raise UserError(f"a PDF has no letters for {text}: use --svg") from None
            document.set_font("helvetica", "B" if bold else "", height / 25.4 * 72)
            document.text(x, y, text)
    return bytes(document.output())
