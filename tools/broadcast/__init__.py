"""Broadcast on random fields of radios: the mesh's own push and pull, its peers, and bounds."""
