"""/main.py of every board: the launcher decides what to start, and nothing of it stays loaded."""

import sys

import launcher

launcher.prepare()
del launcher, sys.modules["launcher"]
try:
    import firmware.main

    firmware.main.run()
except Exception as error:  # whatever it is: the launcher decides what comes next
    import launcher

    launcher.failed(error)
