"""The services on which trials are played: our engine of this machine, a real Slurm, and our service in front of one."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

from cluster import Broken, Cluster, read
from front import Door, Front, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
NODES = 14
PEOPLE = ("alice", "bob", "slurm")
# The testbed has no control groups, and its slurmrestd, which has tokens alone, cannot read what its controller, which has
# munge, sends to those whose allocation had to wait.
NOT_THERE = ("memory limits", "processes that cannot get away", "allocations that wait")


class Service:
    """An address, who asks there (a user, another one, somebody who may do everything), and a folder that jobs see."""

    def __init__(self, engine, address, people, folder, lacks=()):
        self.engine, self.address, self.people, self.lacks = engine, address, people, set(lacks)
        self.folder = tempfile.mkdtemp(prefix="trials-", dir=folder)
        os.chmod(self.folder, 0o755)


@contextlib.contextmanager
def local(server):
    """Our service with the engine of this machine."""
    folder = tempfile.mkdtemp(prefix="quintet-engines-")
    os.chmod(folder, 0o755)
    state, address = os.path.join(folder, "state"), f"127.0.0.1:{free_port()}"
    log, said = os.path.join(folder, "log"), os.path.join(folder, "said")
    with open(log, "wb") as errors, open(said, "wb") as output:
        process = subprocess.Popen(
            [server, "serve", "--config", os.path.join(HERE, "cluster.toml"), "--state", state, "--listen", address],
            stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
    try:
        end = time.monotonic() + 120
        while "listening on" not in read(said):
            if process.poll() is not None or time.monotonic() > end:
                raise Broken(f"our service did not start:\n{read(log)[-4000:]}")
            time.sleep(0.02)
        people = [(name, token(server, name, state)) for name in PEOPLE]
        yield Service("local", address, people, folder, lacks_of(address, people))
        if process.poll() is not None:
            raise Broken(f"our service has ended:\n{read(log)[-4000:]}")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(state + "-et-engine", ignore_errors=True)


def token(server, name, state):
    made = subprocess.run(
        [server, "token", name, "--for", "slurm", "--state", state],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return made.stdout.strip()


# What our service calls what it may be unable to hold jobs to, and what the trials that need it call that.
HOLDS = {"memory": "memory limits", "process tree": "processes that cannot get away", "users": "users of their own"}


def lacks_of(address, people):
    """What this machine does not let our service do, by its own word."""
    name, credential = people[0]
    answer = Door(address, name, credential).ask("GET", "/quintet/v1/nodes", headers={"Authorization": f"Bearer {credential}"})
    if answer.status != 200:
        raise Broken(f"our service does not tell of its limits: {answer}")
    return [needed for name, needed in HOLDS.items() if answer.json["limits"][name] != "enforced"]


@contextlib.contextmanager
def testbed(name):
    """A real Slurm that is the cluster of cluster.toml."""
    cluster = Cluster(name)
    cluster.stop()
    try:
        cluster.start(nodes=NODES, extra=[os.path.join(HERE, "slurm.conf")], lifeline=os.getpid())
        yield cluster
    finally:
        cluster.stop()


def people_of(cluster):
    return [(name, cluster.token(name)) for name in PEOPLE]


@contextlib.contextmanager
def slurm(name):
    """A real Slurm, asked directly."""
    with testbed(name) as cluster:
        yield Service("slurm", cluster.urls()[0].removeprefix("http://"), people_of(cluster), cluster.path("shared"), NOT_THERE)


@contextlib.contextmanager
def front(server, name):
    """Our service in front of a real Slurm."""
    with testbed(name) as cluster, Front(server, cluster, "rate = 0.0") as ours:
        yield Service("front", ours.address, people_of(cluster), cluster.path("shared"), NOT_THERE)
