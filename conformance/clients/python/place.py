"""Where the clients under test find the service: QUINTET_URL, QUINTET_USER and QUINTET_TOKEN.

Those that administer it find their name in QUINTET_ADMIN and QUINTET_ADMIN_TOKEN.
"""

import os
import tempfile
import time

URL = os.environ["QUINTET_URL"].rstrip("/")
USER = os.environ["QUINTET_USER"]
TOKEN = os.environ["QUINTET_TOKEN"]
ADMIN = os.environ.get("QUINTET_ADMIN", "")
ADMIN_TOKEN = os.environ.get("QUINTET_ADMIN_TOKEN", "")
# Where jobs write; the service may run elsewhere than the client, then only /tmp is the same for both.
DIRECTORY = os.environ.get("QUINTET_DIRECTORY") or tempfile.gettempdir()

FINAL = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL"}


def is_over(states):
    """Whether a job with these states has ended and left its nodes."""
    return bool(FINAL & set(states)) and "COMPLETING" not in states


def poll(ask, wanted, what, seconds=60):
    """Calls `ask` until `wanted` accepts the answer; says what was waited for when it never does."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if wanted(answer):
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}; last seen: {answer}")
        time.sleep(0.05)
