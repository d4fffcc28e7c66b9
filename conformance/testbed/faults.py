"""What must hold when things break, with our service in front of a real cluster whose daemons are killed and stopped.

    faults.py [--server target/debug/quintet] [--submissions 1000] [--minute 60] [TRIAL...]

Starts a cluster of its own and ends it. Each function of TRIALS is one trial; its text says what is tried.
"""

import os
import pathlib
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.append(os.path.join(HERE, "..", "clients", "five"))
from doors import Cockpit, EtEngine, Nifcloud, Waldur  # noqa: E402  after what it must not leave behind
from front import ACCOUNTING, API, Front  # noqa: E402
from common import (  # noqa: E402
    UNTOLD, age, is_fast_refusal, job, on, run, submit, submit_or_none, until, well)


class Submitters:
    """Clients that submit a job for each key and repeat what they were not answered, under the same key, until they are."""

    def __init__(self, front, keys, place, threads=8):
        self.front, self.place = front, place
        self.left, self.lock = list(keys), threading.Lock()
        self.jobs, self.repeats, self.wrong = {}, 0, []
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def work(self):
        door = self.front.door(patience=60)
        while True:
            with self.lock:
                if not self.left:
                    return
                key = self.left.pop()
            body = self.body(key)
            end = time.monotonic() + 300
            while True:
                try:
                    answer = door.ask("POST", f"{API}/job/submit", body, {"Idempotency-Key": key})
                except UNTOLD:
                    answer = None
                with self.lock:
                    if answer is not None and answer.status == 200:
                        self.jobs[key] = answer.json["job_id"]
                        break
                    if answer is not None and answer.status not in (429, 500, 502, 503, 504):
                        self.wrong.append(repr(answer))
                        break
                    if time.monotonic() > end:
                        self.wrong.append(f"{key} was never taken; at last {answer!r}")
                        break
                    self.repeats += 1
                time.sleep(0.2)

    def body(self, key):
        return job(f"echo {key} $SLURM_JOB_ID >>{self.place}")

    def done(self):
        with self.lock:
            return len(self.jobs)

    def finish(self):
        for thread in self.threads:
            thread.join(600)
            assert not thread.is_alive(), "submissions do not come to an end"
        assert not self.wrong, self.wrong[:3]


def all_over(cluster, submitters):
    """Waits until the controller has none of the jobs left that wait or run."""
    cluster.tell("start", "slurmctld")
    until(lambda: not cluster.run("squeue", "--noheader", "--name=fault", "--format=%i").split(), "jobs come to an end", 400)


def ran(place):
    """The keys that have run, each with the numbers of the jobs that did, as often as they did."""
    numbers = {}
    with open(place, encoding="utf-8") as file:
        for line in file:
            key, number = line.split()
            numbers.setdefault(key, []).append(number)
    return numbers


def ran_once(place, keys):
    """Checks that one job of each key has run, and returns how many the controller itself has run again.

    What it has saved is up to five seconds old: a job that began and ended meanwhile begins anew, as the same job.
    """
    numbers = ran(place)
    lost = sorted(set(keys) - set(numbers))
    again = {key: jobs for key, jobs in numbers.items() if len(set(jobs)) > 1}
    assert not lost and not again, f"never ran: {len(lost)} {lost[:5]}; several jobs: {len(again)} {list(again.items())[:5]}"
    return sum(len(jobs) - 1 for jobs in numbers.values())


def fresh_place(cluster, name):
    place = cluster.path("shared", name)
    with open(place, "w", encoding="utf-8"):
        pass
    os.chmod(place, 0o666)
    return place


# --- the trials -----------------------------------------------------------------------------------------------


def controller_killed(cluster, given):
    """slurmctld is killed and started again while jobs are submitted under keys: each runs exactly once."""
    keys = [f"c{number}" for number in range(given.submissions)]
    place = fresh_place(cluster, "controller-killed")
    with Front(given.server, cluster) as front:
        submitters = Submitters(front, keys, place)
        for share in (0.2, 0.5, 0.8):
            until(lambda: submitters.done() >= share * len(keys), "submissions go on", 300)
            cluster.tell("kill", "slurmctld")
            # Long enough for clients to be refused.
            time.sleep(1)
            cluster.tell("start", "slurmctld")
        submitters.finish()
        # What had been acknowledged and was gone with the controller is submitted again without being asked for.
        all_over(cluster, submitters)
        until(lambda: set(ran(place)) >= set(keys), "every job runs", 120)
        all_over(cluster, submitters)
        again = ran_once(place, keys)
        door = front.door()
        told = {key: submit(door, submitters.body(key), Idempotency_Key=key) for key in keys}
        moved = sum(told[key] != submitters.jobs[key] for key in keys)
        print(f"  {len(keys)} jobs, {submitters.repeats} repeated requests; {moved} were lost and submitted again; "
              f"the controller ran {again} of its jobs again")


def ourselves_killed(cluster, given):
    """Our own process is killed and started again while jobs are submitted under keys: each runs exactly once."""
    keys = [f"o{number}" for number in range(given.submissions)]
    place = fresh_place(cluster, "ourselves-killed")
    with Front(given.server, cluster) as front:
        submitters = Submitters(front, keys, place)
        for share in (0.2, 0.5, 0.8):
            until(lambda: submitters.done() >= share * len(keys), "submissions go on", 300)
            front.end(signal.SIGKILL)
            front.start()
        submitters.finish()
        all_over(cluster, submitters)
        assert ran_once(place, keys) == 0, "a job ran twice"
        assert len(set(submitters.jobs.values())) == len(keys), "two keys have the same job"
        print(f"  {len(keys)} jobs, {submitters.repeats} repeated requests")


def untold_submission(cluster, given):
    """slurmctld hangs while a job is submitted under a key: repeated, it is one job, whatever became of the first call."""
    with Front(given.server, cluster, 'timeout = "3s"') as front:
        door = front.door(patience=60)
        assert door.ask("GET", f"{API}/jobs/").status == 200
        for number in range(5):
            key = f"untold{number}"
            cluster.tell("signal", "slurmctld", "STOP")
            try:
                door.ask("POST", f"{API}/job/submit", job("true", name=key), {"Idempotency-Key": key})
            finally:
                cluster.tell("signal", "slurmctld", "CONT")
            told = until(lambda: submit_again(door, key), "the submission is taken")
            names = cluster.run("squeue", "--noheader", "--states=all", f"--name={key}", "--format=%i").split()
            assert names == [str(told)], f"{names} were made, and {told} was told"


def submit_again(door, key):
    try:
        answer = door.ask("POST", f"{API}/job/submit", job("true", name=key), {"Idempotency-Key": key})
    except UNTOLD:
        return None
    return answer.json["job_id"] if answer.status == 200 else None


def keys_repeated(cluster, given):
    """A submission repeated under its key is answered with the same job, also after our restart; another one is refused."""
    with Front(given.server, cluster) as front:
        door = front.door()
        first = submit(door, job("true"), Idempotency_Key="same")
        assert submit(door, job("true"), Idempotency_Key="same") == first
        front.end(signal.SIGKILL)
        front.start()
        assert submit(door, job("true"), Idempotency_Key="same") == first
        assert submit(door, job("true"), Idempotency_Key="other") != first
        # Keys are a user's own.
        assert submit(front.door("bob"), job("true"), Idempotency_Key="same") != first
        names = cluster.run("sacct", "-X", "-n", "-a", "-P", "-o", "jobid", "-S", "now-1hour").split()
        assert len(names) == len(set(names)), names


def rest_killed(cluster, given):
    """One slurmrestd of two is killed and nobody notices; without any, reads go on with their age and writes are refused."""
    with Front(given.server, cluster) as front:
        door = front.door()
        first = submit(door, job("sleep 600"))
        cluster.tell("kill", "slurmrestd")
        for _ in range(20):
            assert door.ask("GET", f"{API}/jobs/").status == 200
        second = submit(door, job("sleep 600"))
        listed = door.ask("GET", f"{API}/jobs/")
        assert {first, second} <= {each["job_id"] for each in listed.json["jobs"]}, "a job of one's own is not listed"
        cluster.tell("kill", "slurmrestd-2")

        def is_older():
            answer = door.ask("GET", f"{API}/jobs/")
            assert answer.status == 200, answer
            assert {first, second} <= {each["job_id"] for each in answer.json["jobs"]}
            return age(answer) >= 3

        until(is_older, "the age of what is read grows")
        single = door.ask("GET", f"{API}/job/{first}")
        assert single.status == 200 and single.json["jobs"][0]["job_id"] == first, single
        is_fast_refusal(door.ask("POST", f"{API}/job/submit", job("true")))
        is_fast_refusal(door.ask("DELETE", f"{API}/job/{first}"))
        cluster.tell("start", "slurmrestd-2")
        until(lambda: submit_or_none(door), "submissions are taken again")
        until(lambda: age(door.ask("GET", f"{API}/jobs/")) <= 2, "what is read is fresh again")
        for number in (first, second):
            assert door.ask("DELETE", f"{API}/job/{number}").status == 200
        cluster.tell("start", "slurmrestd")


def controller_gone(cluster, given):
    """slurmctld is down: reads go on with their age, writes are refused at once; afterwards both are as before."""
    with Front(given.server, cluster) as front:
        door = front.door()
        first = submit(door, job("sleep 600"))
        assert door.ask("GET", f"{API}/jobs/").status == 200
        cluster.tell("stop", "slurmctld")

        def is_older():
            answer = door.ask("GET", f"{API}/jobs/")
            assert answer.status == 200, answer
            return age(answer) >= 3

        until(is_older, "the age of what is read grows")
        is_fast_refusal(door.ask("POST", f"{API}/job/submit", job("true")), statuses=(500, 502, 503, 504))
        cluster.tell("start", "slurmctld")
        until(lambda: submit_or_none(door), "submissions are taken again")
        until(lambda: age(door.ask("GET", f"{API}/jobs/")) <= 2, "what is read is fresh again")
        assert door.ask("DELETE", f"{API}/job/{first}").status == 200


def writes_wait(cluster, given):
    """slurmctld is down, then every slurmrestd: writes that would rather wait are carried out once, when it is back."""
    with Front(given.server, cluster) as front, ThreadPoolExecutor() as pool:
        door = front.door(patience=150)
        first = submit(door, job("sleep 600"))
        for daemons, names in ((["slurmctld"], ("one", "two")), (["slurmrestd", "slurmrestd-2"], ("three", "four"))):
            for daemon in daemons:
                cluster.tell("stop", daemon)
            late = door.ask("POST", f"{API}/job/submit", job("true", name="late"), {"Prefer": "wait=2"})
            assert late.status >= 500 and late.took >= 1.5 and late.headers["preference-applied"] == "wait=2", late
            is_fast_refusal(door.ask("POST", f"{API}/job/submit", job("true", name="late")), statuses=(500, 502, 503, 504))
            waits = {"Prefer": "wait=100"}
            waiting = [
                pool.submit(door.ask, "POST", f"{API}/job/submit", job("true", name=names[0]), waits),
                pool.submit(door.ask, "POST", f"{API}/job/submit", job("true", name=names[1]), {**waits, "Idempotency-Key": names[1]}),
                pool.submit(door.ask, "POST", f"{API}/job/{first}", {"comment": names[0]}, waits),
            ]
            time.sleep(2)
            assert not any(one.done() for one in waiting), "nothing is answered before the cluster is back"
            for daemon in daemons:
                cluster.tell("start", daemon)
            for answer in [one.result() for one in waiting]:
                assert answer.status == 200 and answer.headers["preference-applied"] == "wait=100", answer
            assert submit(door, job("true", name=names[1]), Idempotency_Key=names[1]) == waiting[1].result().json["job_id"]
            assert door.ask("GET", f"{API}/job/{first}").json["jobs"][0]["comment"] == names[0]
            for name in (*names, "late"):
                made = cluster.run("squeue", "--noheader", "--states=all", f"--name={name}", "--format=%i").split()
                assert len(made) == (name != "late"), f"{name} is {made}"
        assert door.ask("DELETE", f"{API}/job/{first}").status == 200


def controller_hangs(cluster, given):
    """slurmctld answers nobody: reads go on from what is known, and writes end with a clear error; no job is made twice."""
    with Front(given.server, cluster, 'timeout = "3s"') as front:
        door = front.door(patience=60)
        assert door.ask("GET", f"{API}/jobs/").status == 200
        cluster.tell("signal", "slurmctld", "STOP")
        try:
            listed = until(lambda: well(door.ask("GET", f"{API}/jobs/")), "reads go on", 60)
            assert listed.status == 200
            refused = door.ask("POST", f"{API}/job/submit", job("true", name="hangs"))
            is_fast_refusal(refused)
        finally:
            cluster.tell("signal", "slurmctld", "CONT")
        until(lambda: submit_or_none(door), "submissions are taken again")
        names = cluster.run("squeue", "--noheader", "--states=all", "--name=hangs", "--format=%i").split()
        assert len(names) <= 1, f"one submission made {names}"


# Made and ended by every interface but ClusterCockpit's, which looks on.
FAILS = "#!/bin/sh\nexit 3\n"


def others(front):
    """The other interfaces of a service for alice, and how ClusterCockpit's calls what it has seen."""
    folder = pathlib.Path(front.cluster.path("shared", "nifcloud", "alice"))
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    url = f"http://{front.address}"
    token = front.token
    doors = {
        "waldur": Waldur(url, token("alice", "--for", "waldur")),
        "nifcloud": Nifcloud(url, token("alice", "--for", "nifcloud"), folder),
        "et-engine": EtEngine(url, token("alice", "--for", "et-engine")),
    }
    return doors, Cockpit(url, token("watcher", "--for", "clustercockpit", "--role", "api", "--role", "admin"), "alice")


@on(extra=[os.path.join(HERE, "forgetful.conf")])
def accounting_gone(cluster, given):
    """slurmdbd is stopped for a minute: jobs of every interface are taken and run, and are all in the history afterwards."""
    identity = f'identity = "key"\njwt_key = "{cluster.path("jwt_hs256.key")}"'
    more = f"""
[[users]]
name = "alice"
uid = 2001
[nifcloud]
folders = "{cluster.path("shared", "nifcloud")}/{{user}}"
[et_engine]
folder = "{cluster.path("shared", "et-engine")}"
"""
    with Front(given.server, cluster, identity=identity, more=more) as front:
        door = front.door()
        doors, cockpit = others(front)
        assert door.ask("GET", f"{ACCOUNTING}/accounts/").status == 200
        # It takes no jobs before it has seen the cluster.
        until(lambda: door.ask("GET", "/readyz").status == 204, "it has seen the cluster")
        # What each calls a job that has failed.
        first = {name: other.make(FAILS) for name, other in doors.items()}
        until(lambda: len(failed_ones(door)) == len(first), "jobs are in the history")
        words = {name: until(lambda: over_word(doors[name], made), f"{name} sees the end") for name, made in first.items()}
        cluster.tell("stop", "slurmdbd")
        began, made, known = time.monotonic(), {name: [] for name in doors}, []
        while time.monotonic() - began < given.minute:
            known.append(submit(door, job("exit 3")))
            for name, other in doors.items():
                made[name].append(other.make(FAILS))
            time.sleep(given.minute / 12)
        until(lambda: not cluster.run("squeue", "--noheader", "--states=PD,R,CG").split(), "jobs run meanwhile")
        refused = door.ask("GET", f"{ACCOUNTING}/jobs/")
        assert refused.status in (502, 503, 504) or age(refused) > 0, refused
        cluster.tell("start", "slurmdbd")
        count = len(first) + len(known) + sum(map(len, made.values()))

        def are_recorded():
            found = failed_ones(door)
            return found if len(found) >= count else None

        recorded = until(are_recorded, f"all of {count} jobs are in the history", 180)
        assert len(recorded) == count and set(known) <= set(recorded), (sorted(recorded), known)
        assert set(recorded.values()) == {3}, recorded

        def all_told():
            told = {name: [over_word(doors[name], each) for each in of] for name, of in made.items()}
            return told if all(set(of) == {words[name]} for name, of in told.items()) else None

        def all_seen():
            seen = {number: state for (_, number), state in cockpit.states().items()}
            return {number: seen.get(number) for number in recorded if seen.get(number) != "failed"} or "all"

        for _ in range(2):
            until(all_told, "every interface tells how its jobs ended")
            until(lambda: all_seen() == "all", "ClusterCockpit's has seen them all")
            # What it knows it still knows when it begins anew.
            front.end(signal.SIGKILL)
            front.start()


def failed_ones(door):
    """The jobs of the history that have failed, with their exit codes."""
    answer = door.ask("GET", f"{ACCOUNTING}/jobs/?start_time=now-1hour", headers={"Cache-Control": "no-cache"})
    if answer.status != 200:
        return {}
    jobs = [each for each in answer.json["jobs"] if "FAILED" in each["state"]["current"]]
    return {each["job_id"]: each["exit_code"]["return_code"]["number"] for each in jobs}


def over_word(door, name):
    """What a door calls a job that is over; nothing until it is."""
    word = door.state(name)
    return word if word not in ("PENDING", "RUNNABLE", "RUNNING", "COMPLETING", "QUE", "RUN", "ACC", "RNA", "RNE") else None


def tokens_expire(cluster, given):
    """Whoever has no good token gets nothing, however much we know: an expired, a foreign and no token at all."""
    with Front(given.server, cluster) as front:
        good = front.door()
        submit(good, job("sleep 600", name="secret"))
        assert "secret" in good.ask("GET", f"{API}/jobs/").body.decode()
        bad = {
            "expired": cluster.token("alice", -10),
            "foreign": good.token[:-6] + ("AAAAAA" if not good.token.endswith("AAAAAA") else "BBBBBB"),
            "garbage": "garbage",
            "of another user": cluster.token("bob"),
        }
        for what, token in bad.items():
            for path in ("/jobs/", "/jobs/state/", "/nodes/", "/partitions/"):
                answer = good.ask("GET", API + path, token=token)
                assert answer.status in (401, 403, 511), (what, path, answer)
                assert b"secret" not in answer.body, (what, path)
            answer = good.ask("POST", f"{API}/job/submit", job("true", name="intruder"), token=token)
            assert answer.status in (401, 403, 511), (what, answer)
        assert good.ask("GET", f"{API}/jobs/", token="").status in (401, 511)
        assert not cluster.run("squeue", "--noheader", "--states=all", "--name=intruder", "--format=%i").split()
        # One that expires while it is in use is good until then, and soon not any more.
        brief = front.door(seconds=4)
        assert brief.ask("GET", f"{API}/jobs/").status == 200
        until(lambda: brief.ask("GET", f"{API}/jobs/").status in (401, 511), "a token that has expired is refused", 30)
        # The cluster is unreachable: who is unknown stays out, who is known reads on.
        cluster.tell("kill", "slurmrestd")
        cluster.tell("kill", "slurmrestd-2")
        for what, token in bad.items():
            answer = good.ask("GET", f"{API}/jobs/", token=token)
            assert answer.status >= 400 and b"secret" not in answer.body, (what, answer)
        cluster.tell("start", "slurmrestd")
        cluster.tell("start", "slurmrestd-2")


TRIALS = [
    tokens_expire, rest_killed, controller_gone, controller_hangs, accounting_gone, keys_repeated, writes_wait,
    untold_submission, ourselves_killed, controller_killed,
]


if __name__ == "__main__":
    run(__doc__, "faults", TRIALS, [
        ("--submissions", {"type": int, "default": 1000, "help": "of the trials that kill something meanwhile"}),
        ("--minute", {"type": float, "default": 60, "help": "how many seconds slurmdbd is away"}),
    ])
