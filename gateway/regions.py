"""Regions: on which Wi-Fi channels a network may transmit."""

from gateway.errors import UserError

# The highest 2.4 GHz channel, from 1 on. WORLD is what is allowed nearly everywhere.
REGIONS = {"EU": 13, "JP": 13, "CN": 13, "IN": 13, "AU": 13, "US": 11, "CA": 11, "WORLD": 11}


def channel_in(region: str, channel: int) -> int:
    """The channel. UserError if the region is not known or does not have it."""
    if region not in REGIONS:
        raise UserError(f"the region {region} is not known: {', '.join(REGIONS)}")
    if not 1 <= channel <= REGIONS[region]:
        raise UserError(f"{region} has the channels 1 to {REGIONS[region]}, not {channel}")
    return channel
