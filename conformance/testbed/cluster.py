"""A cluster that runs, or is to run: starting and ending it, its daemons and its tokens. Programs that test use this."""

import base64
import hashlib
import hmac
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

import settings
import tree

HERE = os.path.dirname(os.path.abspath(__file__))
# Below the numbers that the kernel gives to outgoing connections: a port stays free while its daemon is down.
PORTS = range(20000, 32000)


class CannotRun(Exception):
    """This machine does not allow what a cluster needs."""


class Broken(Exception):
    """The cluster did not do what it had to."""


def default_folder():
    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(HERE, "..", "..", "target")
    return os.path.realpath(os.path.join(target, "slurm-testbed"))


def check_rights():
    """Raises CannotRun unless namespaces can be made and mounted in, as a cluster does."""
    if os.geteuid() != 0:
        raise CannotRun("a cluster needs root")
    for program in ("unshare", "nsenter", "setpriv", "chroot", "mount"):
        if not shutil.which(program):
            raise CannotRun(f"{program} is missing (util-linux, coreutils)")
    tried = subprocess.run(
        [*NAMESPACES, "sh", "-c", "mount -t tmpfs tmpfs /mnt && mount -t proc proc /mnt"],
        stdin=subprocess.DEVNULL, capture_output=True)
    if tried.returncode:
        raise CannotRun(f"no namespaces to mount in: {tried.stderr.decode().strip()}")


NAMESPACES = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--propagation", "private"]


class Cluster:
    """The cluster of a name. What of it is outside memory lies in a folder of its own, beside the tree."""

    def __init__(self, name="cluster", folder=None):
        self.base = folder or default_folder()
        self.folder = os.path.join(self.base, name)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    # --- start and end ----------------------------------------------------------------------------------------

    def start(self, *, nodes=4, cpus=8, rests=1, extra=(), shared=(), lifeline=None, versions=tuple(settings.VERSIONS)):
        """Starts it and waits until all of it answers; builds the tree if there is none. Leaves one alone that runs.

        `versions` are those of every slurmrestd, or a list of them for each.
        """
        if self.running():
            return
        check_rights()
        where = tree.ensure(self.base)
        for _ in range(3):
            self.clear()
            for part in ("root", "sockets", "log", "shared"):
                os.makedirs(self.path(part))
            os.chmod(self.path("shared"), 0o1777)
            with open(self.path("jwt_hs256.key"), "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(os.urandom(32))
            plan = {
                "folder": self.folder, "tree": where, "key": self.path("jwt_hs256.key"), "nodes": nodes, "cpus": cpus,
                "extra": "".join(read(path) for path in extra), "users": sorted(tree.USERS),
                "versions": [list(each) for each in versions] if isinstance(versions[0], list) else [list(versions)] * rests,
                "shared": [self.path("shared"), *map(os.path.realpath, shared)], "while": lifeline,
                "ports": free_ports(nodes, rests),
            }
            if self.bring_up(plan):
                return
        raise Broken(f"it does not start: {read(self.path('failed')) or 'no reason told'}; see {self.path('log')}")

    def bring_up(self, plan):
        """Starts it with a plan; somebody else may have taken one of its ports meanwhile."""
        with open(self.path("plan.json"), "w", encoding="utf-8") as file:
            json.dump(plan, file)
        with open(self.path("log", "start"), "ab") as log:
            process = subprocess.Popen(
                [*NAMESPACES, sys.executable, "-B", os.path.join(HERE, "inside.py"), self.path("plan.json")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/")
        while not os.path.exists(self.path("running.json")):
            if process.poll() is not None:
                return False
            time.sleep(0.02)
        return True

    def running(self):
        """The plan of the cluster if it runs, with `init`, its first process as the machine numbers it."""
        try:
            with open(self.path("running.json"), encoding="utf-8") as file:
                plan = json.load(file)
            with open(f"/proc/{plan['init']}/cmdline", encoding="utf-8") as file:
                return plan if self.path("plan.json") in file.read().split("\0") else None
        except (OSError, ValueError):
            return None

    def plan(self):
        plan = self.running()
        if plan is None:
            raise Broken("no cluster runs; `start` starts one")
        return plan

    def stop(self):
        """Ends it. Nothing of it is left but its logs."""
        plan = self.running()
        if plan is None:
            return
        os.kill(plan["init"], signal.SIGTERM)
        end = time.monotonic() + 90
        while self.running():
            if time.monotonic() > end:
                os.kill(plan["init"], signal.SIGKILL)
            time.sleep(0.02)
        os.unlink(self.path("running.json"))

    def clear(self):
        """Removes what an earlier cluster left. None runs, so that nothing is mounted, and for nobody else ever was."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)

    # --- while it runs ----------------------------------------------------------------------------------------

    def tell(self, *words):
        """Tells the first process something and returns what it answers."""
        self.plan()
        with socket.socket(socket.AF_UNIX) as connection:
            # Paths of sockets are short; that of the folder need not be.
            place = os.open(self.folder, os.O_PATH)
            try:
                connection.connect(f"/proc/self/fd/{place}/control")
            finally:
                os.close(place)
            connection.settimeout(300)
            connection.sendall(json.dumps(words).encode() + b"\n")
            answer = json.loads(connection.makefile("r").readline() or '{"failed": "no answer"}')
        if "failed" in answer:
            raise Broken(answer["failed"])
        return answer

    def urls(self):
        return [f"http://127.0.0.1:{port}" for port in self.plan()["ports"]["slurmrestd"]]

    def sockets(self):
        names = ["slurmrestd", *(f"slurmrestd-{number + 2}" for number in range(len(self.urls()) - 1))]
        return [self.path("sockets", f"{name}.socket") for name in names]

    def token(self, user, seconds=86400):
        """A token of Slurm's for a user, made with the cluster's key; one with a negative life has expired."""
        now = int(time.time())
        parts = ({"alg": "HS256", "typ": "JWT"}, {"exp": now + seconds, "iat": now - 60, "sun": user})
        text = b".".join(encoded(json.dumps(part).encode()) for part in parts)
        with open(self.path("jwt_hs256.key"), "rb") as file:
            seal = hmac.new(file.read(), text, hashlib.sha256).digest()
        return (text + b"." + encoded(seal)).decode()

    def entering(self, user="root"):
        """The words before a command that is to run in the cluster, as somebody."""
        init = str(self.plan()["init"])
        home = "/root" if user == "root" else f"/home/{user}"
        words = ["nsenter", "--target", init, "--mount", "--pid", "--uts", "--ipc", "chroot", self.path("root")]
        words += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"] if user != "root" else []
        return [*words, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", f"USER={user}",
                f"HOME={home}", "sh", "-c", 'cd "$HOME" 2>/dev/null || cd /; exec "$@"', "sh"]

    def run(self, *command, user="root"):
        """Runs a command in the cluster and returns what it says; raises when it fails."""
        done = subprocess.run([*self.entering(user), *command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise Broken(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def processes(self):
        """The daemons that run, by name, with the numbers that the machine knows them by."""
        plan, inner = self.plan(), {}
        namespace = os.readlink(f"/proc/{plan['init']}/ns/pid")
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/pid") == namespace:
                    for line in read(f"/proc/{entry}/status").splitlines():
                        if line.startswith("NSpid:"):
                            inner[int(line.split()[-1])] = int(entry)
            except OSError:
                continue  # It has ended meanwhile.
        return {name: inner[pid] for name, pid in self.tell("status").items() if pid in inner}


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def encoded(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def free_ports(nodes, rests):
    """Finds ports on which nothing listens: one for each daemon, those of the nodes in a row."""
    count = nodes + rests + 2
    for _ in range(1000):
        first = random.choice(PORTS[:-count])
        if all(is_free(first + number) for number in range(count)):
            row = list(range(first, first + count))
            return {"slurmctld": row[0], "slurmdbd": row[1], "slurmrestd": row[2:2 + rests], "slurmd": row[2 + rests]}
    raise CannotRun("no free ports")


def is_free(port):
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False
