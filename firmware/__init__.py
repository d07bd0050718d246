"""Relay firmware for MicroPython on ESP32. main.py wires; everything else is one idea a file."""

VERSION = "0.1.0"
