"""A poster for the wall: how to join the Wi-Fi and open the page, for who reads no English too."""

from pathlib import Path

from segno import helpers

from gateway.errors import UserError
from gateway.labels import PAGE_W, Sheet, code, pdf, svg
from gateway.links.addresses import HOST

# Millimetres on A4. Each step is a row: a picture, the text, a QR code.
_LEFT, _TOP, _ROW = 20.0, 62.0, 74.0
_QR = 56.0
_TEXT_AT = _LEFT + 42
_LETTER = 0.6  # widths of a bold letter in its height, on average
_TITLE = 15.0


def write(path: Path, name: str, ssid: str, passphrase: str) -> None:
    """Make the file, .svg or .pdf. UserError for another name, or where it cannot be written."""
    sheet = arrange(name, ssid, passphrase)
    kinds = {".svg": lambda: svg(sheet).encode(), ".pdf": lambda: pdf([sheet])}
    if path.suffix not in kinds:
        raise UserError("a poster is an .svg or a .pdf file")
    try:
        path.write_bytes(kinds[path.suffix]())
    except OSError as e:
        raise UserError(f"{path} cannot be written: {e.strerror or e}") from None


def arrange(name: str, ssid: str, passphrase: str) -> Sheet:
    """The page."""
    sheet = Sheet()
    page = f"http://{HOST}/"
    _line(sheet, _LEFT, 34, _TITLE, True, name, PAGE_W - 2 * _LEFT)
    _line(sheet, _LEFT, 46, 6, False, "Messages without the Internet", PAGE_W - 2 * _LEFT)
    rows = [
        (_signal, "Wi-Fi", [ssid, passphrase], helpers.make_wifi_data(ssid, passphrase, "WPA")),
        (_screen, page, ["in your browser"], page),
        (_bubble, "Write", [], None),
    ]
    for number, (picture, title, texts, said) in enumerate(rows):
        y = _TOP + number * _ROW
        picture(sheet, _LEFT, y)
        room = PAGE_W - _TEXT_AT - _LEFT - (_QR + 6 if said else 0)
        _line(sheet, _TEXT_AT, y + 16, 9, True, title, room)
        for down, text in enumerate(texts):
            _line(sheet, _TEXT_AT, y + 28 + 9 * down, 6, False, text, room)
        if said:
            code(sheet, PAGE_W - _LEFT - _QR, y, _QR, said)
    return sheet


def _line(
    sheet: Sheet, x: float, y: float, height: float, bold: bool, text: str, room: float
) -> None:
    """A line of text, smaller where it would not fit."""
    fitting = min(height, room / (_LETTER * max(1, len(text))))
    sheet.lines.append((x, y, fitting, bold, text))


# Pictures, of bars: 32 mm wide, 46 high.


def _phone(sheet: Sheet, x: float, y: float) -> None:
    sheet.bars += [(x, y, 32, 3), (x, y + 43, 32, 3), (x, y, 3, 46), (x + 29, y, 3, 46)]
    sheet.bars.append((x + 12, y + 39, 8, 1.5))


def _signal(sheet: Sheet, x: float, y: float) -> None:
    """A phone that has a network."""
    _phone(sheet, x, y)
    for i in range(4):
        height = 6.0 + 6 * i
        sheet.bars.append((x + 7 + 5 * i, y + 34 - height, 3.4, height))


def _screen(sheet: Sheet, x: float, y: float) -> None:
    """A phone with a page."""
    _phone(sheet, x, y)
    sheet.bars.append((x + 6, y + 7, 20, 4))
    for i, width in enumerate((20, 16, 20, 11)):
        sheet.bars.append((x + 6, y + 15 + 5 * i, width, 2))


def _bubble(sheet: Sheet, x: float, y: float) -> None:
    """What somebody says, and an answer."""
    for left, top, widths in ((0, 0, (14, 9)), (6, 25, (12, 14))):
        at_x, at_y = x + left, y + top
        sheet.bars += [
            (at_x, at_y, 26, 2), (at_x, at_y + 16, 26, 2),
            (at_x, at_y, 2, 18), (at_x + 24, at_y, 2, 18),
        ]  # fmt: skip
        for i, width in enumerate(widths):
            sheet.bars.append((at_x + 5, at_y + 5 + 5 * i, width, 2))
    sheet.bars += [(x + 4, y + 18, 4, 4), (x + 24, y + 43, 4, 4)]
