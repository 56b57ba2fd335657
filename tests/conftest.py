"""What holds for all tests."""

from __future__ import annotations

import signal

# A shell that starts us in the background ignores Ctrl-C on our behalf, and every process that we start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
