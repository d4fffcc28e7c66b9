"""What may be counted on of an engine, whichever it is: trials through the Slurm dialect, for both engines and a real Slurm.

    run.py local|slurm|front [--server target/debug/quintet] [TRIAL...]

`local` is our engine of this machine, `slurm` a real Slurm by itself, which proves the trials, `front` our service before
one. Everything is started and ended here. A trial is named `topic.name`, all of a topic by the topic. Exits with 3 where the
machine does not allow a real Slurm, and says why.
"""

import argparse
import json
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "testbed")]

import services  # noqa: E402  after where they are found
import stage  # noqa: E402
from cluster import Broken, CannotRun  # noqa: E402
from differences import Differences, untold  # noqa: E402
from tree import CannotBuild  # noqa: E402


def arguments(known):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("engine", choices=["local", "slurm", "front"])
    parser.add_argument("--server", default="target/debug/quintet", help="our program")
    parser.add_argument("--name", default="engines", help="of the cluster")
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help="topic, or topic.name")
    given = parser.parse_args()
    given.server = os.path.realpath(given.server)
    given.chosen = [play for play in known if not given.trials or {play.name, play.topic} & set(given.trials)]
    names = {play.name for play in known} | {play.topic for play in known}
    if set(given.trials) - names:
        parser.error(f"there are: {', '.join(play.name for play in known)}")
    return given


def start(given):
    if given.engine == "local":
        return services.local(given.server)
    if given.engine == "slurm":
        return services.slurm(given.name)
    return services.front(given.server, given.name)


def say(text):
    print(text, flush=True)


def page():
    with open(os.path.join(HERE, "..", "..", "docs", "engines.md"), encoding="utf-8") as file:
        return " ".join(file.read().split())


def main():
    given = arguments(stage.all_trials())
    # What was started is ended by whoever started it, on the way out.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    differences = Differences(given.engine)
    wrong = [f"docs/engines.md does not tell: {what}" for what in untold(page())]
    began = time.monotonic()
    try:
        with start(given) as service:
            say(f"{given.engine}: {len(given.chosen)} trials")
            played = stage.Stage(service, differences, say)
            played.play(given.chosen)
    except (CannotRun, CannotBuild) as reason:
        print(f"engines: {reason}", file=sys.stderr)
        sys.exit(3)
    except Broken as failure:
        print(f"engines: {failure}", file=sys.stderr)
        sys.exit(1)
    if not given.trials and not played.failed:
        wrong += [f"no trial has met the difference: {what}" for what in differences.not_met()]
    for text in wrong:
        say(f"  FAILED {text}")
    say(json.dumps({
        "engine": given.engine, "held": len(played.held), "left out": sorted(played.left_out),
        "failed": sorted(played.failed) + wrong, "seconds": round(time.monotonic() - began),
    }))
    sys.exit(bool(played.failed or wrong))


main()
