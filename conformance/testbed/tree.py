"""Builds the tree: a small Debian with Slurm's packages in it, made once and never changed by a cluster that runs.

A finished tree carries the digest of its recipe, so that a changed recipe makes a new one. Nothing is mounted below it
except in a mount namespace that ends with the command that wanted it: removing the folder can follow no mount.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

# The first suite whose Slurm serves v0.0.44.
SUITE = os.environ.get("TESTBED_SUITE", "forky")
PACKAGES = """
    munge mariadb-server slurmctld slurmdbd slurmd slurmrestd slurm-client
    slurm-wlm-basic-plugins slurm-wlm-jwt-plugin slurm-wlm-mysql-plugin slurm-wlm-emulator
""".split()  # the emulator is the build that lets several slurmd share a machine
USERS = {"alice": 2001, "bob": 2002, "carol": 2003}
GROUP = ("hpc", 2100)

# What is wanted of apt and dpkg inside. A mirror may lag behind, or the clock be ahead: an index that is called expired for
# that is as good as another one. Nothing that people read is unpacked.
APT = """\
Acquire::Check-Valid-Until "false";
APT::Install-Recommends "false";
Dpkg::Options { "--force-unsafe-io"; };
"""
DPKG = "path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n"

ACCOUNTS = "\n".join(
    ["id slurmrest >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin slurmrest"]
    + [f"groupadd --force --gid {GROUP[1]} {GROUP[0]}"]
    + [f"id {user} >/dev/null 2>&1 || useradd --uid {uid} --groups {GROUP[0]} --shell /bin/bash {user}"
       for user, uid in USERS.items()]
)
INSTALL = f"""
set -e
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
apt-get update
apt-get install -y {" ".join(PACKAGES)}
apt-get clean
rm -rf /var/lib/apt/lists /var/lib/mysql /var/lib/mariadb
{ACCOUNTS}
touch /etc/hosts
slurmctld -V
"""


class CannotBuild(Exception):
    """The tree cannot be made on this machine, for want of programs or a mirror."""


class BrokenTree(Exception):
    """The mirror is there, and yet no tree came of it."""


def digest():
    recipe = "\0".join([SUITE, APT, DPKG, INSTALL])
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def say(text):
    print(f"testbed: {text}", file=sys.stderr, flush=True)


def ensure(folder):
    """Returns the finished tree below a folder; makes it if there is none, which takes a minute."""
    os.makedirs(folder, exist_ok=True)
    tree = os.path.join(folder, "tree")
    with open(os.path.join(folder, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if finished(tree) != digest():
            build(tree, os.path.join(folder, "tree.log"))
    return tree


def finished(tree):
    try:
        with open(os.path.join(tree, "finished"), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def build(tree, log_path):
    mirror = os.environ.get("TESTBED_MIRROR") or own_mirror()
    if not shutil.which("debootstrap"):
        say("installing debootstrap")
        command = "apt-get install -y -q debootstrap || { apt-get update -q && apt-get install -y -q debootstrap; }"
        if subprocess.run(["sh", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            raise CannotBuild("debootstrap is missing and could not be installed")
    shutil.rmtree(tree, ignore_errors=True)
    with open(log_path, "wb") as log:
        def run(*command):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
            if done.returncode:
                await_mirror(mirror)
                raise BrokenTree(f"{command[0]} failed; see {log_path}")

        await_mirror(mirror)
        say(f"making a Debian {SUITE}")
        # An older debootstrap does not know the suite by its name; all that are new are made alike.
        recipes = "/usr/share/debootstrap/scripts"
        recipe = SUITE if os.path.exists(f"{recipes}/{SUITE}") else "sid"
        run("debootstrap", "--variant=minbase", SUITE, tree, mirror, f"{recipes}/{recipe}")
        write(tree, "etc/apt/apt.conf.d/90testbed", APT)
        write(tree, "etc/dpkg/dpkg.cfg.d/90testbed", DPKG)
        # Services are not to start when they are unpacked.
        write(tree, "usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        shutil.copy("/etc/resolv.conf", os.path.join(tree, "etc/resolv.conf"))
        say("installing Slurm in it")
        # MariaDB's package asks for /proc while it is configured.
        inside = 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$1" /bin/sh -c "$2"'
        run("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private",
            "sh", "-c", inside, "sh", tree, INSTALL)
    write(tree, "finished", digest())


def await_mirror(mirror):
    """Raises CannotBuild unless the mirror has the suite; asks by the program that debootstrap asks with."""
    release = f"{mirror.rstrip('/')}/dists/{SUITE}/Release"
    asked = subprocess.run(
        ["wget", "--quiet", "--spider", "--tries=2", "--timeout=30", release], stdin=subprocess.DEVNULL, capture_output=True)
    if asked.returncode:
        raise CannotBuild(f"the mirror of Debian does not answer, or has no {SUITE}; TESTBED_MIRROR can name another")


def write(tree, path, text, mode=0o644):
    path = os.path.join(tree, path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def own_mirror():
    """The first mirror of Debian that the machine's own apt knows."""
    for path in ["/etc/apt/sources.list", *sorted(map(str, listed("/etc/apt/sources.list.d")))]:
        try:
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if words[:1] in (["URIs:"], ["deb"]):
                for word in words[1:]:
                    if "://" in word and word.rstrip("/").endswith("/debian"):
                        return word
    raise CannotBuild("apt of this machine names no mirror of Debian; TESTBED_MIRROR can")


def listed(folder):
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:
        return []
