"""`helio demo` as a newcomer runs it: real relays, real gateways, what its summary must say."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def demo(*arguments, timeout_s=200):
    command = [sys.executable, "-m", "gateway.cli", "demo", "--once", "--json", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(done.stdout.strip().splitlines()) == 1, "one object on stdout and nothing else"
    summary = json.loads(done.stdout)
    assert summary["delivered"] is True
    assert summary["receipt"] is True
    assert summary["faults"] == 0, "no task of any relay stumbled"
    assert summary["parcels_left_on_relays"] == 0, "the receipt has cleaned the mesh"
    assert summary["heap_peak"] < summary["heap_limit"] == 160 * 1024
    return summary


def test_a_message_crosses_six_real_relays_and_the_receipt_comes_back():
    summary = demo(timeout_s=60)
    assert summary["hops"] >= 5
    assert summary["relays"] == 6
    assert len(summary["interpreter"]) == 6
    assert all("MicroPython" in version for version in summary["interpreter"])
    assert summary["frames_sent"] > 0
    assert summary["bytes_on_air"] > 6 * 250
    assert summary["latency_s"] < 60
    assert summary["answer"]["unicasts"] >= 5, "one for each hop, more if the machine is busy"
    assert summary["answer"]["parcels"] == 0


def test_the_receiver_the_sender_and_a_relay_may_all_be_away_in_turns():
    demo("--absent")


def test_twenty_kilobytes_through_thirty_percent_loss():
    summary = demo("--loss", "0.3", "--size", "20000", "--seed", "11")
    assert summary["size"] == 20000
    assert 0 < summary["max_pieces_on_one_relay"] < summary["k"]


def test_the_longest_message_through_ten_percent_loss():
    """384 pieces: the most that a relay has to think of, and where one short of heap stops."""
    summary = demo("--loss", "0.1", "--size", "65000", "--seed", "2")
    assert summary["blocks"] == 3
    assert summary["heap_peak"] < 150 * 1024


def test_a_long_message_waits_in_pieces_for_an_absent_receiver():
    summary = demo("--absent", "--loss", "0.1", "--size", "6000")
    assert 0 < summary["max_pieces_on_one_relay"] < summary["k"]
