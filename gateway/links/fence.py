"""A fence round our Wi-Fi: who joins it reaches the page, addresses and names, and nothing else.

nftables, in a table of our own, which other rules of the machine neither see nor undo.
"""

from gateway.links.addresses import HOST, run

_TABLE = "heliograph"
_RULES = """\
table inet {table}
delete table inet {table}
table inet {table} {{
    chain in {{
        type filter hook input priority -10; policy accept;
        iifname != "{interface}" accept
        udp dport 67 accept
        ip daddr {host} udp dport 53 accept
        ip daddr {host} tcp dport {{ 53, 80, {port} }} accept
        ip daddr {host} icmp type echo-request accept
        drop
    }}
    chain through {{
        type filter hook forward priority -10; policy accept;
        iifname "{interface}" drop
        oifname "{interface}" drop
    }}
}}
"""


def put_up(interface: str, port: int) -> None:
    """Around an interface. port: of the page, besides 80. UserError."""
    rules = _RULES.format(table=_TABLE, interface=interface, host=HOST, port=port)
    run(("nft", "-f", "-"), "the fence round the Wi-Fi cannot be put up", rules)


def take_down() -> None:
    """No fence. UserError."""
    rules = f"table inet {_TABLE}\ndelete table inet {_TABLE}\n"
    run(("nft", "-f", "-"), "the fence round the Wi-Fi cannot be taken down", rules)
