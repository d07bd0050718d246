"""Runs test modules under MicroPython: micropython tests/protocol/run.py test_shelf test_frame"""

import gc
import sys

gc.threshold(4096)  # as the firmware does: compiling leaves garbage between what stays
RUNNING = 32_768  # seven nodes are more than a relay has to look through every time


def run(name):
    """Import one module and run its tests; (how many failed, most bytes alive after a test)."""
    module = __import__(name)
    gc.threshold(RUNNING)
    failed = peak = 0
    for test in sorted([n for n in dir(module) if n.startswith("test_")]):
        gc.collect()
        try:
            getattr(module, test)()
            print(name + "." + test, "ok")
        except Exception as e:  # the runner's boundary: every failure is printed and counted
            print(name + "." + test, "FAILED")
            sys.print_exception(e)
            failed += 1
        gc.collect()
        peak = max(peak, gc.mem_alloc())
    return failed, peak


def main(names):
    """Exit code 1 if anything failed."""
    results = [run(name) for name in names]
    print("peak bytes after collect:", max([peak for _, peak in results]))
    sys.exit(1 if sum([failed for failed, _ in results]) else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
