"""Where a request comes from, as far as that says anything: phones sit on our own Wi-Fi.

A household behind one router is one source, and so is a phone with all its IPv6 addresses. Whoever
takes many addresses of the Wi-Fi is many sources: this slows one machine down, no more.
"""

import ipaddress

_PHONE_PREFIX = 64  # of IPv6: a phone makes up the rest itself, and anew every day


def source(remote: str | None) -> str | None:
    """One word for the address that a request came from; None for this machine itself (a proxy
    on it, a command, a test), which is not counted."""
    try:
        address = ipaddress.ip_address((remote or "").partition("%")[0])
    except ValueError:  # a socket without an address
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            network = ipaddress.ip_network((int(address), _PHONE_PREFIX), strict=False)
            return None if address.is_loopback else str(network)
        address = address.ipv4_mapped
    return None if address.is_loopback else str(address)
