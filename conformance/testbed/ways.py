"""How our service reaches a real cluster and as whom: over TLS, as a service, where users see different things, where other
versions of the interface are spoken, and with tokens that end.

    ways.py [--server target/debug/quintet] [TRIAL...]

Starts a cluster of its own and ends it. Each function of TRIALS is one trial; its text says what is tried.
"""

import json
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
import settings  # noqa: E402  after what it must not leave behind
from front import ACCOUNTING, API, Door, Front  # noqa: E402
from tls import Authority, Proxy  # noqa: E402
from common import age, is_fast_refusal, job, numbers, on, run, submit, until  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
# What whoever is not known gets: from us, from slurmctld, from slurmdbd.
STRANGER = (401, 403, 511)
USERS = """
[[users]]
name = "alice"
uid = 2001
[[users]]
name = "bob"
uid = 2002
"""


def owner(cluster, number):
    return cluster.run("scontrol", "show", "job", str(number)).split("UserId=")[1].split("(")[0]


# --- TLS ------------------------------------------------------------------------------------------------------


def over_tls(cluster, given):
    """slurmrestd behind TLS: a certificate of the authority that `ca` names is taken, and no other one."""
    ours, foreign = Authority(cluster.path("ours")), Authority(cluster.path("foreign"))
    trust = f'ca = "{ours.file}"'
    with Proxy(cluster.urls()[0], ours.certify()) as proxy:
        with Front(given.server, cluster, trust, endpoints=[proxy.url]) as front:
            door = front.door()
            number = submit(door, job("sleep 600"))
            assert number in numbers(door.ask("GET", f"{API}/jobs/"))
            assert owner(cluster, number) == "alice"
            assert door.ask("DELETE", f"{API}/job/{number}").status == 200
            assert door.ask("GET", f"{ACCOUNTING}/accounts/").status == 200
        assert proxy.heard > 1000 and proxy.shook_hands
    ended = ours.certify(days=0)
    time.sleep(1.1)
    wrong = {
        "of an authority that is not trusted": (trust, foreign.certify()),
        "for another name": (trust, ours.certify("DNS:elsewhere.example.org, IP:127.0.0.2")),
        "that has ended": (trust, ended),
        "that nobody on this machine trusts": ("", ours.certify()),
    }
    for what, (line, certificate) in wrong.items():
        with Proxy(cluster.urls()[0], certificate) as proxy:
            with Front(given.server, cluster, line, endpoints=[proxy.url]) as front:
                door = front.door()
                for answer in (door.ask("GET", f"{API}/jobs/"), door.ask("POST", f"{API}/job/submit", job("true", name="tls"))):
                    is_fast_refusal(answer, (503,))
                    assert "certificate" in answer.json["errors"][0]["description"].lower(), (what, answer)
            assert proxy.heard == 0, f"{proxy.heard} bytes were sent to whoever shows a certificate {what}"
    assert not cluster.run("squeue", "--noheader", "--states=all", "--name=tls").strip()


# --- as a service ---------------------------------------------------------------------------------------------


def as_service(cluster, given):
    """identity = "service": jobs are the users' own, whose tokens are this service's; the token in the file is read again."""
    file = cluster.path("service_token")

    def renew(seconds, prefix=""):
        with open(f"{file}.new", "w", encoding="utf-8") as made:
            os.fchmod(made.fileno(), 0o600)
            made.write(f"{prefix}{cluster.token('slurm', seconds)}\n")
        os.rename(f"{file}.new", file)

    renew(3600, "SLURM_JWT=")
    identity = f'identity = "service"\ntoken_file = "{file}"\nuser = "slurm"'
    with Front(given.server, cluster, identity=identity, more=USERS) as front:
        alice = Door(front.address, "alice", front.token("alice", "--for", "slurm"))
        bob = Door(front.address, "bob", front.token("bob", "--for", "slurm"))
        first, second = submit(alice, job("sleep 600")), submit(bob, job("sleep 600"))
        assert (owner(cluster, first), owner(cluster, second)) == ("alice", "bob")
        # The cluster decides what they may, and not whose token is sent.
        refused = bob.ask("DELETE", f"{API}/job/{first}")
        assert refused.json["status"][0]["error"]["code"] == 2002, refused
        assert cluster.run("squeue", "--noheader", f"--jobs={first}", "--format=%T").strip() in ("RUNNING", "PENDING")
        # Nobody is somebody else by saying so. A token of the cluster's is handed on, and worth what it is there.
        posing = bob.ask("POST", f"{API}/job/submit", job("true", name="posing"), {"X-SLURM-USER-NAME": "alice"})
        assert posing.status in STRANGER, posing
        theirs = cluster.token("alice")
        assert first in numbers(alice.ask("GET", f"{API}/jobs/", token=theirs))
        assert bob.ask("POST", f"{API}/job/submit", job("true", name="posing"), token=theirs).status in STRANGER
        for token in (cluster.token("alice", -10), theirs[:-4], "garbage", ""):
            for method, path, body in (("GET", f"{API}/jobs/", None), ("POST", f"{API}/job/submit", job("true", name="posing"))):
                answer = alice.ask(method, path, body, token=token)
                assert answer.status in STRANGER, (token, answer)
        assert not cluster.run("squeue", "--noheader", "--states=all", "--name=posing").strip()
        # One that has ended is no good; one that is put there in its place is used without a restart.
        renew(-10)
        until(lambda: submit_status(alice) in STRANGER, "a token that has ended is refused by the cluster", 60)
        renew(3600)
        until(lambda: submit_status(alice) == 200, "the new token is used", 60)
        assert alice.ask("DELETE", f"{API}/job/{first}").status == 200


def submit_status(door):
    return door.ask("POST", f"{API}/job/submit", job("true")).status


# --- where users see different things -------------------------------------------------------------------------


@on(extra=[os.path.join(HERE, "private.conf")])
def private_data(cluster, given):
    """private_data = true before a cluster with PrivateData: each user sees what slurmrestd shows him, however warm copies are."""
    identities = ['identity = "caller"', f'identity = "key"\njwt_key = "{cluster.path("jwt_hs256.key")}"']
    for identity in identities:
        with Front(given.server, cluster, "private_data = true", identity, more=USERS) as front:
            doors = {user: front.door(user) for user in ("alice", "bob", "root")}
            own = {user: submit(door, job("sleep 600", name=f"of-{user}")) for user, door in doors.items() if user != "root"}
            straight = {user: Door(cluster.urls()[0].removeprefix("http://"), user, door.token) for user, door in doors.items()}
            seen = {user: numbers(door.ask("GET", f"{API}/jobs/")) for user, door in straight.items()}
            assert own["bob"] not in seen["alice"] and own["alice"] not in seen["bob"], "the cluster itself hides nothing"
            assert set(own.values()) <= seen["root"]
            wrong = []

            def look(user):
                for _ in range(25):
                    # The states of all jobs Slurm itself hides from nobody.
                    told = numbers(doors[user].ask("GET", f"{API}/jobs/"))
                    for other, number in own.items():
                        single = doors[user].ask("GET", f"{API}/job/{number}").body.decode()
                        may = user in (other, "root")
                        shown = (number in told, f'"of-{other}"' in single)
                        if shown != (may, may):
                            wrong.append((user, other, shown))

            threads = [threading.Thread(target=look, args=(user,)) for user in doors]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(300)
            assert not wrong, wrong[:3]
            # What is kept while nobody can be asked is each one's own, too.
            cluster.tell("kill", "slurmrestd")
            cluster.tell("kill", "slurmrestd-2")
            for user, door in doors.items():
                answer = door.ask("GET", f"{API}/jobs/")
                assert numbers(answer) == seen[user], (user, answer)
                assert until(lambda: age(door.ask("GET", f"{API}/jobs/")) >= 1, "its age is told")
            cluster.tell("start", "slurmrestd")
            cluster.tell("start", "slurmrestd-2")
            for user, number in own.items():
                until(lambda: doors[user].ask("DELETE", f"{API}/job/{number}").status == 200, "it is cancelled")


# --- versions -------------------------------------------------------------------------------------------------


def shape(value):
    """What a value is made of: names and kinds, of a list what all of it has in common."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [json.loads(text) for text in sorted({json.dumps(shape(each), sort_keys=True) for each in value})]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def differences(ours, theirs, place=""):
    """Where two documents have other names or kinds of values. What is empty fits everything, and nothing may stand for `null`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted(set(ours) | set(theirs)):
            if name not in ours and theirs[name] is None:
                continue
            if name not in ours or name not in theirs:
                yield f"{place}/{name} is {'there' if name in ours else 'missing'}"
            else:
                yield from differences(ours[name], theirs[name], f"{place}/{name}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        for one, other in zip(ours, theirs):
            yield from differences(one, other, f"{place}/*")
    elif ours is not None and theirs is not None and shape(ours) != shape(theirs):
        yield f"{place} is {shape(ours)}, not {shape(theirs)}"


READ = [
    "slurm:ping/", "slurm:jobs/", "slurm:job/{job}", "slurm:jobs/state/", "slurm:nodes/", "slurm:node/n1", "slurm:partitions/",
    "slurm:partition/debug", "slurm:licenses/", "slurm:reservations/", "slurm:shares", "slurmdb:accounts/", "slurmdb:users/",
    "slurmdb:associations/", "slurmdb:qos/", "slurmdb:clusters/", "slurmdb:tres/", "slurmdb:job/{job}", "slurmdb:user/alice",
]


def alone(cluster, given, offered):
    """Asks a cluster that offers one version in all of them, and compares with a slurmrestd of the same one that has all."""
    with Front(given.server, cluster, endpoints=[cluster.urls()[0]]) as front:
        door = front.door()
        straight = Door(cluster.urls()[1].removeprefix("http://"), "alice", door.token)
        assert Door(cluster.urls()[0].removeprefix("http://"), "alice", door.token).ask(
            "GET", "/slurm/v0.0.44/ping/").status == (200 if offered == "v0.0.44" else 404)
        ended = submit(door, job("exit 3", name="ended"))
        until(lambda: "FAILED" in cluster.run("sacct", "-X", "-n", "-o", "state", "-j", str(ended)), "a job is in the history")
        found = []
        for version in settings.VERSIONS:
            # In each version what is written is taken.
            path = f"/slurm/{version}"
            answer = door.ask("POST", f"{path}/job/submit", job("sleep 600", name=f"in-{version}", time_limit={"set": True, "number": 7}))
            assert answer.status == 200, (version, answer)
            number = answer.json["job_id"]
            assert cluster.run("squeue", "--noheader", f"--jobs={number}", "--format=%j %l").split() == [f"in-{version}", "7:00"]
            changed = door.ask("POST", f"{path}/job/{number}", {"comment": f"changed in {version}"})
            assert changed.status == 200, (version, changed)
            assert door.ask("GET", f"{path}/job/{number}").json["jobs"][0]["comment"] == f"changed in {version}"
            for each in READ:
                part, _, rest = each.format(job=ended).partition(":")
                ours = door.ask("GET", f"/{part}/{version}/{rest}", headers={"Cache-Control": "no-cache"})
                theirs = straight.ask("GET", f"/{part}/{version}/{rest}")
                if theirs.status == 200:
                    assert ours.status == 200, (version, each, ours)
                    found += [f"{version} {each}: {what}" for what in differences(ours.json, theirs.json)]
                else:
                    assert ours.status == theirs.status, (version, each, ours, theirs)
            assert door.ask("DELETE", f"{path}/job/{number}").status == 200
        # What only new versions have is not there where they are not.
        held = submit(door, job("true", hold=True))
        requeued = door.ask("GET", f"/slurm/v0.0.45/job/{held}/requeue")
        assert (requeued.status == 404) == (offered != "v0.0.45"), requeued
        assert not found, f"{len(found)}: " + "\n".join(sorted(set(found))[:60])


def one_version(offered):
    return on(versions=[[offered], settings.VERSIONS])


@one_version("v0.0.42")
def oldest_version(cluster, given):
    """A cluster that offers v0.0.42 alone is asked in all of v0.0.42 to v0.0.45, and answers as one that has them."""
    alone(cluster, given, "v0.0.42")


@one_version("v0.0.45")
def newest_version(cluster, given):
    """The same with v0.0.45 alone."""
    alone(cluster, given, "v0.0.45")


# What v0.0.45 has and we have not, as `docs/dialects/slurm.md` says.
NOT_SERVED = {
    ("/slurm/v0.0.45/conf", "get"), ("/slurmdb/v0.0.45/conf", "get"), ("/slurm/v0.0.45/partitions/", "post"),
    ("/slurm/v0.0.45/partition/{partition_name}", "delete"),
}


def description(cluster, given):
    """What the cluster's own slurmrestd describes is described here too, each version by itself, and answered alike."""
    with Front(given.server, cluster) as front:
        door = front.door()
        straight = Door(cluster.urls()[0].removeprefix("http://"), "alice", door.token)

        def operations(answer):
            assert answer.status == 200, answer
            return {(path, method) for path, methods in answer.json["paths"].items() for method in methods}

        theirs = operations(straight.ask("GET", "/openapi/v3"))
        assert {version for version in settings.VERSIONS for path, _ in theirs if f"/{version}/" in path} == set(settings.VERSIONS)
        for path in ("/openapi", "/openapi.json", "/openapi/v3", *(f"/openapi/{version}" for version in settings.VERSIONS)):
            version = path.rpartition("/")[2] if "v0.0." in path else "v0.0.44"
            missing = {each for each in theirs if f"/{version}/" in each[0]} - operations(door.ask("GET", path))
            assert missing == {each for each in NOT_SERVED if f"/{version}/" in each[0]}, (path, sorted(missing)[:10])
        # What is described is served: everything that is read and names nothing.
        for path, method in sorted(theirs):
            if method == "get" and "{" not in path and "reconfigure" not in path and (path, method) not in NOT_SERVED:
                ours, there = door.ask("GET", path), straight.ask("GET", path)
                assert ours.status == there.status, (path, ours, there)


# --- tokens ---------------------------------------------------------------------------------------------------


def tokens_end(cluster, given):
    """A token that ends while the copy is warm is refused from then on, whoever looks at it and whatever is known."""
    key = f'jwt_key = "{cluster.path("jwt_hs256.key")}"'
    identities = {
        "caller": 'identity = "caller"', "caller with the key": f'identity = "caller"\n{key}', "key": f'identity = "key"\n{key}',
    }
    for what, identity in identities.items():
        with Front(given.server, cluster, identity=identity, more=USERS) as front:
            other = front.door("bob")
            number = submit(other, job("sleep 600", name="warm"))
            made = time.time()
            brief = front.door("alice", seconds=5)
            paths = ["jobs/", f"job/{number}", "nodes/", "jobs/state/"]
            while time.time() < int(made) + 4:
                for path in paths:
                    # Somebody else keeps all of it warm.
                    assert other.ask("GET", f"{API}/{path}").status == 200
                    assert brief.ask("GET", f"{API}/{path}").status == 200, (what, path)
            # A second that has begun counts for slurmctld, and our clocks are the same.
            time.sleep(max(0.0, int(made) + 6.5 - time.time()))
            for path in paths * 2:
                answer = brief.ask("GET", f"{API}/{path}")
                assert answer.status in STRANGER and b"warm" not in answer.body, (what, path, answer)
                assert other.ask("GET", f"{API}/{path}").status == 200
            assert brief.ask("POST", f"{API}/job/submit", job("true", name="late")).status in STRANGER, what
            assert brief.ask("DELETE", f"{API}/job/{number}").status in STRANGER, what
            assert not cluster.run("squeue", "--noheader", "--states=all", "--name=late").strip()
            # While nobody can be asked he stays out, and who is known reads on.
            cluster.tell("kill", "slurmrestd")
            cluster.tell("kill", "slurmrestd-2")
            for path in paths:
                answer = brief.ask("GET", f"{API}/{path}")
                assert answer.status >= 400 and b"warm" not in answer.body, (what, path, answer)
                assert other.ask("GET", f"{API}/{path}").status == 200
            cluster.tell("start", "slurmrestd")
            cluster.tell("start", "slurmrestd-2")


TRIALS = [over_tls, as_service, private_data, oldest_version, newest_version, description, tokens_end]

if __name__ == "__main__":
    run(__doc__, "ways", TRIALS)
