"""A real Slurm on this machine, from Debian's packages, for tests: all daemons, on free ports of 127.0.0.1, in memory.

    testbed.py [--folder DIR] [--name NAME] COMMAND

README.md tells what each command does. Exits with 3 where the machine does not allow a cluster, and says why.
"""

import argparse
import os
import shutil
import sys

sys.dont_write_bytecode = True
import settings  # noqa: E402  after what it must not leave behind
import tree  # noqa: E402
from cluster import Broken, CannotRun, Cluster, check_rights  # noqa: E402


def start(cluster, given):
    cluster.start(
        nodes=given.nodes, cpus=given.cpus, rests=given.rests, extra=given.extra, shared=given.share,
        lifeline=given.lifeline, versions=given.versions.split(","))
    tree.say(f"ready at {' '.join(cluster.urls())}")


def env(cluster, given):
    print(f"SLURM_REST_URL={cluster.urls()[0]}")
    print(f"SLURM_REST_USER={given.user}")
    print(f"SLURM_REST_TOKEN={cluster.token(given.user)}")
    print(f"SLURM_REST_INIT={cluster.plan()['init']}")


def status(cluster, given):
    for name, pid in cluster.tell("status").items():
        print(f"{name:<14} {'down' if pid is None else 'runs'}")


def where(cluster, given):
    for url in cluster.urls():
        print(url)
    for path in cluster.sockets():
        print(f"unix:{path}")


def execute(cluster, given):
    words = [*cluster.entering(given.user), *given.words]
    os.execvp(words[0], words)


def remove(cluster, given):
    cluster.stop()
    shutil.rmtree(cluster.folder, ignore_errors=True)
    if given.tree:
        for name in os.listdir(cluster.base) if os.path.isdir(cluster.base) else []:
            if Cluster(name, cluster.base).running():
                raise Broken(f"cluster {name} runs in this tree")
        shutil.rmtree(cluster.base, ignore_errors=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--folder", help="where tree and clusters are (target/slurm-testbed)")
    parser.add_argument("--name", default="cluster", help="which cluster; several can run at once")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, action, text):
        made = commands.add_parser(name, help=text)
        made.set_defaults(action=action)
        return made

    command("check", lambda cluster, given: check_rights(), "say whether this machine allows a cluster")
    command("build", lambda cluster, given: tree.ensure(cluster.base), "make the tree, which `start` does too")
    made = command("start", start, "start a cluster and wait until it answers")
    made.add_argument("--nodes", type=int, default=4)
    made.add_argument("--cpus", type=int, default=8, help="how many each node claims to have")
    made.add_argument("--rests", type=int, default=1, help="how many slurmrestd")
    made.add_argument("--versions", default=",".join(settings.VERSIONS), help="of the interface")
    made.add_argument("--extra", action="append", default=[], metavar="FILE", help="more lines for slurm.conf")
    made.add_argument("--share", action="append", default=[], metavar="DIR", help="a folder that jobs see at its place, too")
    made.add_argument("--while", dest="lifeline", type=int, metavar="PID", help="end with this process")
    command("stop", lambda cluster, given: cluster.stop(), "end it; only logs stay")
    made = command("remove", remove, "end it and remove what it left")
    made.add_argument("--tree", action="store_true", help="and the tree")
    command("status", status, "say which daemons run")
    command("where", where, "print where slurmrestd listens: addresses, then sockets")
    command("key", lambda cluster, given: print(cluster.path("jwt_hs256.key")), "print where the key of tokens is")
    command("shared", lambda cluster, given: print(cluster.path("shared")), "print a folder that jobs see at its place")
    made = command("env", env, "print address, user and token for a shell")
    made.add_argument("user", nargs="?", default="alice")
    made = command("token", lambda cluster, given: print(cluster.token(given.user, given.seconds)), "print a token")
    made.add_argument("user")
    made.add_argument("seconds", type=int, nargs="?", default=86400, help="how long it lives; less than 0: it has expired")
    command("pids", lambda cluster, given: [print(*pair) for pair in cluster.processes().items()], "print the daemons' processes")
    for verb, text in (("kill", "kill a daemon"), ("stop-daemon", "end one politely"), ("start-daemon", "start it again")):
        told = verb.removesuffix("-daemon")
        made = command(verb, lambda cluster, given, told=told: cluster.tell(told, given.daemon), text)
        made.add_argument("daemon")
    made = command("signal", lambda cluster, given: cluster.tell("signal", given.daemon, given.signal), "send it a signal")
    made.add_argument("daemon")
    made.add_argument("signal", help="STOP, CONT, HUP ...")
    for name, text in (("exec", "run a command in the cluster as root"), ("as", "the same as USER")):
        made = command(name, execute, text)
        if name == "as":
            made.add_argument("user")
        else:
            made.set_defaults(user="root")
        made.add_argument("words", nargs=argparse.REMAINDER, metavar="WORDS")
    return parser.parse_args()


def main():
    given = arguments()
    try:
        given.action(Cluster(given.name, given.folder and os.path.realpath(given.folder)), given)
    except (CannotRun, tree.CannotBuild) as reason:
        print(f"testbed: {reason}", file=sys.stderr)
        sys.exit(3)
    except (Broken, tree.BrokenTree) as failure:
        print(f"testbed: {failure}", file=sys.stderr)
        sys.exit(1)


main()
