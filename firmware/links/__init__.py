"""Links: adapters to one way of transmitting each."""
