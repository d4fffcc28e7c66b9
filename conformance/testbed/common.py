"""What trials of our service in front of a real cluster have in common: how they ask and wait, and how they are run."""

import argparse
import http.client
import json
import os
import sys
import time
import traceback

from cluster import Broken, CannotRun, Cluster
from front import API
from tree import BrokenTree, CannotBuild

# What a connection can end with that has told nothing of what became of a request.
UNTOLD = (OSError, http.client.HTTPException)
# How long a write may take to be refused when nobody is there who could do it.
AT_ONCE = 15


def until(is_so, what, seconds=120):
    """Waits until something is so, and returns what it then was."""
    end = time.monotonic() + seconds
    while True:
        found = is_so()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.1)


def job(script, **more):
    return {
        "script": f"#!/bin/sh\n{script}\n",
        "job": {
            "name": "fault", "current_working_directory": "/tmp", "environment": ["PATH=/usr/bin:/bin"],
            "standard_output": "/dev/null", "standard_error": "/dev/null", **more,
        },
    }


def submit(door, body, **headers):
    """Submits and returns the number of the job."""
    answer = door.ask("POST", f"{API}/job/submit", body, {name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status == 200 and answer.json["job_id"], answer
    return answer.json["job_id"]


def submit_or_none(door):
    answer = door.ask("POST", f"{API}/job/submit", job("true"))
    return answer.json["job_id"] if answer.status == 200 else None


def numbers(answer):
    """The numbers of the jobs that a list has."""
    assert answer.status == 200, answer
    return {each["job_id"] for each in answer.json["jobs"]}


def is_fast_refusal(answer, statuses=(502, 503, 504)):
    """Checks that a write was refused at once, in Slurm's own shape."""
    assert answer.status in statuses, answer
    assert answer.took < AT_ONCE, answer
    error = answer.json["errors"][0]
    assert error["description"] and error["error_number"], answer
    return True


def age(answer):
    """How old the answer says that it is, in seconds."""
    assert "age" in answer.headers, answer
    return int(answer.headers["age"])


def well(answer):
    return answer if answer.status == 200 else None


def on(**options):
    """Says what cluster a trial wants: what `Cluster.start` takes."""
    def marked(trial):
        trial.options = options
        return trial
    return marked


def run(text, name, trials, arguments=()):
    """Runs the trials that the command line names, or all; each has a cluster of its own.

    The last line is a JSON object that says how many held and which did not.
    """
    parser = argparse.ArgumentParser(description=text.split("\n", maxsplit=1)[0])
    parser.add_argument("--server", default="target/debug/quintet", help="our program")
    parser.add_argument("--name", default=name, help="of the cluster")
    for words, options in arguments:
        parser.add_argument(words, **options)
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=", ".join(trial.__name__ for trial in trials))
    given = parser.parse_args()
    chosen = [trial for trial in trials if not given.trials or trial.__name__ in given.trials]
    if len(given.trials) not in (0, len(chosen)):
        parser.error(f"there are: {', '.join(trial.__name__ for trial in trials)}")
    cluster = Cluster(given.name)
    failed = []
    try:
        for trial in chosen:
            # What one has broken is nothing to the next.
            cluster.stop()
            cluster.start(**{"rests": 2, "cpus": 64, "lifeline": os.getpid(), **getattr(trial, "options", {})})
            print(f"{trial.__name__}: {trial.__doc__}", flush=True)
            began = time.monotonic()
            try:
                trial(cluster, given)
                print(f"  holds ({time.monotonic() - began:.0f} s)", flush=True)
            except (AssertionError, Broken, LookupError, ValueError, TypeError, *UNTOLD) as error:
                failed.append(trial.__name__)
                traceback.print_exception(error, file=sys.stdout)
                print(f"  FAILED: {str(error)[:2000]}", flush=True)
    except (CannotRun, CannotBuild) as reason:
        print(f"{name}: {reason}", file=sys.stderr)
        sys.exit(3)
    except BrokenTree as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        sys.exit(1)
    finally:
        cluster.stop()
    print(json.dumps({"held": len(chosen) - len(failed), "failed": failed}))
    sys.exit(bool(failed))
