"""The first process of a cluster's namespaces: mounts what the daemons need, starts them, and does what it is told.

    inside.py PLAN

It is the machine's own Python and sees the machine's files; the daemons see the tree alone. Whatever they write lies in
memory, or in the folder of the cluster (logs, sockets). When this process ends, all of them do and every mount is gone.

It is told over the socket `control`, a JSON array a line (`["kill", "slurmctld"]`), and answers each with a JSON object.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

import settings

# Longer than a start takes on a machine that is busy with other things.
PATIENCE = 180
# What of the tree is shown, read-only; everything else lies in memory.
KEPT = {"usr", "etc", "var"}
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}


class Failed(Exception):
    """Something did not happen; the text says what."""


class Daemon:
    """A daemon: how it is started, how one sees that it answers, and whether it is wanted."""

    def __init__(self, name, command, *, user="root", answers, environment=None, returns=False):
        self.name, self.command, self.user, self.answers = name, command, user, answers
        self.environment = {**ENVIRONMENT, **(environment or {})}
        # Whether it is started again when it dies by itself, as an init system would.
        self.returns = returns
        self.pid, self.wanted, self.began = None, False, 0


class Inside:
    def __init__(self, plan):
        self.plan, self.folder = plan, plan["folder"]
        self.root = os.path.join(self.folder, "root")
        self.daemons = {daemon.name: daemon for daemon in self.described()}
        self.ending = False

    # --- what there is ----------------------------------------------------------------------------------------

    def described(self):
        plan, ports = self.plan, self.plan["ports"]
        yield Daemon("munged", ["munged", "--foreground"], user="munge", answers=["munge", "-n"])
        yield Daemon("mariadbd", ["mariadbd", "--defaults-file=/run/mariadb.cnf"], user="mysql", answers=["mariadb-admin", "ping"])
        yield Daemon("slurmdbd", ["slurmdbd", "-D"], user="slurm", answers=ports["slurmdbd"])
        yield Daemon("slurmctld", ["slurmctld", "-D"], user="slurm", answers=["scontrol", "ping"])
        for number in range(plan["nodes"]):
            port = ports["slurmd"] + number
            yield Daemon(f"slurmd-n{number + 1}", ["slurmd", "-D", "-N", f"n{number + 1}"], answers=port)
        for number, port in enumerate(ports["slurmrestd"], start=1):
            name = "slurmrestd" if number == 1 else f"slurmrestd-{number}"
            # It refuses to be root or SlurmUser. Requests can kill it.
            yield Daemon(
                name,
                ["slurmrestd", "-a", "rest_auth/jwt", "-s", "slurmctld,slurmdbd", "-d", ",".join(plan["versions"][number - 1]),
                 f"127.0.0.1:{port}", f"unix:/run/slurmrestd/{name}.socket"],
                user="slurmrest", answers=port, environment={"SLURM_JWT": "daemon"}, returns=True,
            )

    # --- the place --------------------------------------------------------------------------------------------

    def mount(self, *words):
        subprocess.run(["mount", *words], check=True)

    def memory(self, path):
        self.mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", self.root + path)

    def own(self, path, owner):
        uid, gid = self.ids[owner]
        os.chown(self.root + path, uid, gid)

    def make(self, path, owner="root", mode=0o755):
        os.makedirs(self.root + path, exist_ok=True)
        os.chmod(self.root + path, mode)
        self.own(path, owner)

    def write(self, path, content, owner="root", mode=0o644):
        with open(self.root + path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(self.root + path, mode)
        self.own(path, owner)

    def bind(self, path, into):
        os.makedirs(self.root + into, exist_ok=True)
        self.mount("--bind", path, self.root + into)

    def prepare(self):
        """Puts the tree into place, with memory wherever something is written."""
        socket.sethostname(settings.HOST)
        # Whatever is mounted from here on is seen by nobody else.
        self.mount("--make-rprivate", "/")
        # The root itself lies in memory, so that a shared folder can stand wherever it does outside.
        self.mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", self.root)
        for entry in os.scandir(self.plan["tree"]):
            place = os.path.join(self.root, entry.name)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), place)
            elif entry.is_dir():
                os.mkdir(place)
                if entry.name in KEPT:
                    self.mount("--bind", entry.path, place)
                    self.mount("-o", "remount,bind,ro", place)
        with open(self.root + "/etc/passwd", encoding="utf-8") as file:
            self.ids = {line.split(":")[0]: tuple(map(int, line.split(":")[2:4])) for line in file}
        self.mount("-t", "proc", "proc", self.root + "/proc")
        self.mount("--rbind", "/sys", self.root + "/sys")
        self.mount("--rbind", "/dev", self.root + "/dev")
        self.mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", self.root + "/dev/shm")
        os.chmod(self.root + "/tmp", 0o1777)
        for path in ("/etc/slurm", "/etc/munge", "/var/lib", "/var/spool", "/var/log"):
            self.memory(path)
        self.write("/run/hosts", "127.0.0.1 localhost " + " ".join(self.node_and_host_names()) + "\n")
        self.mount("--bind", self.root + "/run/hosts", self.root + "/etc/hosts")
        for path, owner in (
            ("/run", "root"), ("/run/munge", "munge"), ("/var/lib/munge", "munge"), ("/var/log/munge", "munge"),
            ("/run/mysqld", "mysql"), ("/var/lib/testbed", "root"), (settings.DATABASE, "mysql"),
            ("/run/slurm", "slurm"), ("/var/spool/slurmctld", "slurm"), ("/var/spool/slurmd", "root"),
        ):
            self.make(path, owner)
        for number in range(self.plan["nodes"]):
            self.make(f"/var/spool/slurmd/n{number + 1}")
        for user in self.plan["users"]:
            self.make(f"/home/{user}", user)
        # What is seen from outside: logs, sockets, and what users of the machine and of the cluster share.
        self.bind(os.path.join(self.folder, "sockets"), "/run/slurmrestd")
        self.own("/run/slurmrestd", "slurmrest")
        for path in self.plan["shared"]:
            if path.strip("/").split("/")[0] in {*KEPT, "proc", "sys", "dev"}:
                raise Failed(f"{path} cannot be shared: it belongs to the tree")
            self.bind(path, path)
        self.configure()

    def node_and_host_names(self):
        return [settings.HOST, *(f"n{number + 1}" for number in range(self.plan["nodes"]))]

    def configure(self):
        with open(self.plan["key"], "rb") as file:
            self.write(settings.KEY, file.read(), "slurm", 0o600)
        self.write("/etc/munge/munge.key", os.urandom(128), "munge", 0o400)
        self.own("/etc/munge", "munge")
        os.chmod(self.root + "/etc/munge", 0o700)
        self.write("/etc/slurm/slurm.conf", settings.slurm_conf(self.plan))
        self.write("/etc/slurm/gres.conf", settings.gres_conf(self.plan))
        self.write("/etc/slurm/cgroup.conf", settings.CGROUP_CONF)
        self.write("/etc/slurm/slurmdbd.conf", settings.slurmdbd_conf(self.plan), "slurm", 0o600)
        self.write("/run/mariadb.cnf", settings.mariadb_cnf())

    # --- processes --------------------------------------------------------------------------------------------

    def begin(self, command, output, environment=None, user="root"):
        """Starts a command in the tree, as somebody, in a session of its own; returns its number."""
        words = ["chroot", self.root]
        if user != "root":
            words += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"]
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        return os.posix_spawnp(
            words[0], words + command, environment or ENVIRONMENT,
            file_actions=actions, setsid=True, setsigmask=[], setsigdef=[signal.SIGTERM, signal.SIGINT, signal.SIGPIPE],
        )

    def run(self, command, user="root"):
        """Runs a command in the tree and returns whether it was content."""
        pid = self.begin(command, os.path.join(self.folder, "log", "commands"), user=user)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    def output_of(self, command):
        done = subprocess.run(["chroot", self.root, *command], env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True)
        return done.stdout.decode()

    def log(self, text):
        with open(os.path.join(self.folder, "log", "inside"), "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    def start(self, daemon):
        """Starts a daemon that does not run; it need not answer yet."""
        daemon.wanted = True
        if daemon.pid is None:
            daemon.pid = self.begin(
                daemon.command, os.path.join(self.folder, "log", daemon.name), daemon.environment, daemon.user)
            daemon.began = time.monotonic()
            self.log(f"{daemon.name} is {daemon.pid}")

    def does_answer(self, daemon):
        if isinstance(daemon.answers, int):
            try:
                socket.create_connection(("127.0.0.1", daemon.answers), 1).close()
                return True
            except OSError:
                return False
        return self.run(daemon.answers)

    def await_answer(self, daemon):
        self.until(lambda: self.does_answer(daemon), f"{daemon.name} does not answer", lambda: daemon.pid is None)
        self.log(f"{daemon.name} answers")

    def until(self, is_so, complaint, is_hopeless=lambda: False):
        end = time.monotonic() + PATIENCE
        while not is_so():
            self.reap()
            if time.monotonic() > end or is_hopeless():
                raise Failed(complaint)
            time.sleep(0.05)

    def halt(self, daemon, number, patience=60):
        """Ends a daemon by a signal, waits until it has ended and leaves it so."""
        daemon.wanted = False
        if daemon.pid is None:
            return
        os.kill(daemon.pid, number)
        # A stopped one ends when it goes on.
        os.kill(daemon.pid, signal.SIGCONT)
        end = time.monotonic() + patience
        while daemon.pid is not None:
            self.reap()
            if time.monotonic() > end:
                self.log(f"{daemon.name} does not end and is killed")
                os.kill(daemon.pid, signal.SIGKILL)
            time.sleep(0.01)

    def reap(self):
        """Takes notice of what has ended. Steps of jobs come here too when their slurmd is gone."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for daemon in self.daemons.values():
                if daemon.pid == pid:
                    daemon.pid = None
                    self.log(f"{daemon.name} has ended with {os.waitstatus_to_exitcode(status)}")

    # --- from start to end ------------------------------------------------------------------------------------

    def bring_up(self):
        for name in ("munged", "mariadbd", "slurmdbd", "slurmctld"):
            daemon = self.daemons[name]
            if name == "mariadbd":
                made = ["mariadb-install-db", "--user=mysql", f"--datadir={settings.DATABASE}", "--skip-test-db"]
                self.demand(made, "no database could be made")
            self.start(daemon)
            self.await_answer(daemon)
            if name == "mariadbd":
                self.demand(["mariadb", "-e", settings.DATABASE_USER], "no user of the database could be made")
            elif name == "slurmdbd":
                # Before slurmctld registers, slurmdbd has to know of its cluster. It listens before it can be asked.
                added = ["sacctmgr", "-i", "add", "cluster", "testbed"]
                self.until(lambda: self.run(added), "slurmdbd takes no cluster")
        for name, daemon in self.daemons.items():
            if name.startswith(("slurmd-", "slurmrestd")):
                self.start(daemon)
        for words in settings.ASSOCIATIONS:
            self.demand(["sacctmgr", "-i", "-Q", *words.split()], f"sacctmgr {words}")
        for name, daemon in self.daemons.items():
            if name.startswith("slurmrestd"):
                self.await_answer(daemon)
        self.until(self.all_nodes_idle, "the nodes do not come up")
        # The controller refuses to start after a fault unless it has once saved all it knows, which it does at its end.
        controller = self.daemons["slurmctld"]
        self.halt(controller, signal.SIGTERM)
        self.start(controller)
        self.await_answer(controller)
        self.until(self.all_nodes_idle, "the nodes do not come back")

    def demand(self, command, complaint):
        if not self.run(command):
            raise Failed(complaint)

    def all_nodes_idle(self):
        states = self.output_of(["sinfo", "--noheader", "--Node", "--partition=debug", "--format=%T"]).split()
        return len(states) == self.plan["nodes"] and set(states) == {"idle"}

    def take_down(self):
        order = [name for name in self.daemons if name.startswith("slurmrestd")]
        order += [name for name in self.daemons if name.startswith("slurmd-")]
        for name in [*order, "slurmctld", "slurmdbd"]:
            self.halt(self.daemons[name], signal.SIGTERM, patience=10)
        # Nothing of the database is wanted any more.
        for name in ("mariadbd", "munged"):
            self.halt(self.daemons[name], signal.SIGKILL)

    def serve(self):
        """Does what it is told until it is told to end, or whoever wanted the cluster is gone."""
        # Paths of sockets are short; that of the folder need not be.
        os.chdir(self.folder)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("control")
            listener.listen()
            self.tell_ready()
            while not self.ending:
                readable, _, _ = select.select([listener], [], [], 0.5)
                self.reap()
                for daemon in self.daemons.values():
                    if daemon.wanted and daemon.returns and daemon.pid is None and time.monotonic() - daemon.began > 1:
                        self.start(daemon)
                if self.plan["while"] and not os.path.exists(f"/proc/{self.plan['while']}"):
                    self.log(f"process {self.plan['while']} is gone")
                    return
                if readable:
                    connection, _ = listener.accept()
                    with connection:
                        self.converse(connection)

    def tell_ready(self):
        # The machine's /proc is still the one that this process sees, and tells the number that the machine knows it by.
        text = json.dumps({**self.plan, "init": int(os.readlink("/proc/self"))})
        path = os.path.join(self.folder, "running.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def converse(self, connection):
        connection.settimeout(5)
        try:
            words = json.loads(connection.makefile("r").readline())
            answer = self.obey(words)
        except Failed as failure:
            answer = {"failed": str(failure)}
        except (OSError, ValueError, TypeError, KeyError) as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        try:
            connection.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            pass  # Whoever asked is gone.

    def obey(self, words):
        verb, names = words[0], words[1:]
        self.log(f"told to {' '.join(words)}")
        if verb == "end":
            self.ending = True
            return {}
        if verb == "status":
            self.reap()
            return {daemon.name: daemon.pid for daemon in self.daemons.values()}
        daemon = self.daemons.get(names[0])
        if daemon is None:
            raise Failed(f"there is no {names[0]}; there are: {', '.join(self.daemons)}")
        if verb == "start":
            self.start(daemon)
            self.await_answer(daemon)
        elif verb == "kill":
            self.halt(daemon, signal.SIGKILL)
        elif verb == "stop":
            self.halt(daemon, signal.SIGTERM)
        elif verb == "signal":
            if daemon.pid is None:
                raise Failed(f"{daemon.name} does not run")
            os.kill(daemon.pid, signal.Signals["SIG" + names[1]])
        else:
            raise Failed(f"cannot {verb}")
        return {daemon.name: daemon.pid}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        inside = Inside(json.load(file))

    def end(number, frame):
        inside.ending = True

    os.umask(0o022)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        inside.prepare()
        inside.bring_up()
        inside.serve()
    except (Failed, OSError, subprocess.SubprocessError) as failure:
        inside.log(f"failed: {failure}")
        with open(os.path.join(inside.folder, "failed"), "w", encoding="utf-8") as file:
            file.write(str(failure))
        sys.exit(1)
    finally:
        inside.take_down()


main()
