"""Lengths of time as people say them."""

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def length(seconds: int) -> str:
    """A length of time in its largest whole unit: 47s, 12min, 5h, 3d."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return "0s"


def ago(seconds: int) -> str:
    """The same, for something that was."""
    return f"{length(seconds)} ago"
