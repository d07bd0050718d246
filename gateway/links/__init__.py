"""Links of the gateway: adapters to one way of reaching the mesh each."""
