"""How a relay comes to its store, before the rest of the code is loaded (see buffers.py)."""

import os

from firmware.buffers import STORE
from firmware.flash_recovery import StoreRefused


def mount() -> str:
    """Mount the store: nothing, or why there is none."""
    if STORE is None:
        return "the flash map has no partition named store"
    try:
        if "store.log" in os.listdir("/"):  # the store of firmware 0.1
            from firmware import migrate

            migrate.bring_over(STORE)
        else:
            STORE.mount()
    except (StoreRefused, OSError) as e:  # OSError: a flash that is broken
        return str(e)
    return ""
