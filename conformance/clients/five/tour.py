"""One job, five doors: what is made through one API is listed, read and cancelled through each of the others.

Jobs are made by Slurm's, Waldur's, Nifcloud's and ET Engine's API and cancelled by each of the other three. ClusterCockpit's
shows all of them running, and then over; it has nothing to make or cancel a job of ours with, and refuses to end one. What
is registered there is another cluster's job: Slurm's history lists it, and the others, who only know ours, refuse it.

QUINTET_URL is the service, QUINTET_USER who asks, QUINTET_FOLDER that user's folder for Nifcloud; QUINTET_SLURM, _WALDUR,
_NIFCLOUD ("ACCESS_KEY SECRET_KEY"), _ET_ENGINE and _COCKPIT are credentials. QUINTET_CLUSTER is set where the service is in
front of a real Slurm: its history knows its own jobs only.
"""

import itertools
import json
import os
import pathlib
import sys
import time

sys.dont_write_bytecode = True
from doors import Cockpit, EtEngine, Nifcloud, Slurm, Waldur, wanted  # noqa: E402  after what it must not leave behind

CLUSTER = os.environ.get("QUINTET_CLUSTER")


def until(what, look, patience=60):
    deadline = time.monotonic() + patience
    while not (seen := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return seen


def carried_out_by_others(doors, slurm, cockpit):
    """Twelve pairs: who makes a job, and who finds, reads and cancels it."""
    for (maker_name, maker), (other_name, other) in itertools.permutations(doors.items(), 2):
        pair = f"{maker_name} -> {other_name}"
        before, numbers = set(other.ids()), set(slurm.ids())
        made = maker.make()
        number = (set(slurm.ids()) - numbers).pop()
        until(f"{pair}: it runs", lambda: maker.state(made) == maker.states["running"])
        # The other knows exactly one more, and it is this one. Nifcloud lists the only task of a batch of one as well.
        there, *task = sorted(set(other.ids()) - before)
        assert task in ([], [f"{there}[0]"]), (pair, there, task)
        if hasattr(other, "number"):
            assert other.number(there) == number, (pair, there)
        until(f"{pair}: it runs there", lambda: other.state(there) == other.states["running"])
        other.cancel(there)
        until(f"{pair}: it is over", lambda: slurm.state(number) == "CANCELLED")
        for who, name in ((maker, made), (other, there)):
            until(f"{pair}: it is over for {type(who).__name__}", lambda: who.state(name) in (who.states["cancelled"], "deleted"))
        yield pair


def looked_on(doors, slurm, cockpit):
    """Four pairs: ClusterCockpit's list shows a job of ours, and its end, and cannot end it."""
    for name, maker in doors.items():
        pair = f"{name} -> clustercockpit"
        numbers = set(slurm.ids())
        made = maker.make()
        number = (set(slurm.ids()) - numbers).pop()
        (ours,) = {cluster for cluster, _ in until(f"{pair}: seen", lambda: [key for key in cockpit.states() if key[1] == number])}
        until(f"{pair}: it runs", lambda: cockpit.states()[ours, number] == "running")
        status, text = cockpit.stop(ours, number)
        assert 400 <= status < 500 and json.loads(text)["error"], (pair, status, text)
        assert slurm.state(number) == "RUNNING", pair
        maker.cancel(made)
        until(f"{pair}: it is over", lambda: cockpit.states()[ours, number] == "cancelled")
        yield pair


def registered(doors, slurm, cockpit):
    """Four pairs: what is registered at ClusterCockpit's door is nobody's here to cancel."""
    for place, (name, other) in enumerate(doors.items()):
        pair = f"clustercockpit -> {name}"
        number = 900_000 + place
        before = set(other.ids())
        refusal = other.refused(number)
        cockpit.register("elsewhere", number)
        assert cockpit.states()["elsewhere", number] == "running", pair
        assert set(other.ids()) == before, pair
        assert other.refused(number) == refusal, (pair, refusal)
        assert refusal[0] == 404 or other is slurm, (pair, refusal)
        if not CLUSTER:
            assert slurm.history("elsewhere", number) == "RUNNING", (pair, slurm.history("elsewhere", number))
        wanted(cockpit.stop("elsewhere", number), 200)
        assert cockpit.states()["elsewhere", number] == "completed", pair
        assert CLUSTER or slurm.history("elsewhere", number) == "COMPLETED", pair
        yield pair


def main():
    url = os.environ["QUINTET_URL"]
    slurm = Slurm(url, os.environ["QUINTET_SLURM"])
    cockpit = Cockpit(url, os.environ["QUINTET_COCKPIT"], os.environ["QUINTET_USER"])
    folder = pathlib.Path(os.environ["QUINTET_FOLDER"])
    doors = {
        "slurm": slurm,
        "waldur": Waldur(url, os.environ["QUINTET_WALDUR"]),
        "nifcloud": Nifcloud(url, os.environ["QUINTET_NIFCLOUD"], folder),
        "et-engine": EtEngine(url, os.environ["QUINTET_ET_ENGINE"]),
    }
    pairs = [pair for part in (carried_out_by_others, looked_on, registered) for pair in part(doors, slurm, cockpit)]
    assert len(set(pairs)) == 20, pairs
    print(f"five doors: {len(pairs)} pairs")


main()
