"""Reservations: who may use what is reserved, and who may not."""

import time

from place import check, number, same, until, until_there
from stage import trial


def reserve(t, name, **more):
    wish = {"name": name, "start_time": int(time.time()), "duration": 60, "node_list": list(t.nodes), "users": ["alice"]}
    t.operator.done("POST", "/reservation", {**wish, **more})


def give_back(t, name):
    """Deletes a reservation once the jobs in it are over."""
    for job in t.jobs:
        t.operator.ask("DELETE", f"/job/{job.id}")
    until(lambda: t.operator.ask("DELETE", f"/reservation/{name}"),
          lambda answer: answer.status == 200 or 2053 in answer.numbers(), "the reservation to be given back")


@trial(nodes=1)
def inside_and_outside(t):
    """Those whom a reservation is for run in it, others do not run on its nodes, and all do when it is gone."""
    reserve(t, "inside")
    try:
        inside = t.submit(until_there("go"), reservation="inside")
        record = inside.until("RUNNING")
        same((record["resv_name"], record["nodes"]), ("inside", t.nodes[0]), "where it runs")
        t.refuse(2052, by=t.bob, reservation="inside")
        outside = t.submit("true", by=t.bob)
        own = t.submit("true")
        for job in (outside, own):
            record = until(job.now, lambda record: record["state_reason"] not in ("None", "Priority"), "why it waits")
            check(record["state_reason"] in ("ReqNodeNotAvail", "Resources", "Reservation"), "reason:", record["state_reason"])
        t.operator.refused(2055, "DELETE", "/reservation/inside")
        t.write("go")
        _, accounted = inside.ended("COMPLETED", code=0)
        same(accounted["reservation"]["requested"], "inside", "reservation in accounting")
        same([job.now()["job_state"] for job in (outside, own)], [["PENDING"]] * 2, "those outside")
        t.operator.done("DELETE", "/reservation/inside")
        for job in (outside, own):
            job.ended("COMPLETED", code=0)
    finally:
        give_back(t, "inside")


@trial(nodes=1)
def to_come(t):
    """A reservation to come keeps away who would run into it, and nobody else."""
    reserve(t, "to-come", start_time=int(time.time()) + 1200)
    try:
        short, long = t.submit("true", time_limit=5), t.submit("true", time_limit=60)
        waits = t.submit("true", reservation="to-come", time_limit=5)
        short.ended("COMPLETED", code=0)
        until(long.now, lambda record: record["state_reason"] in ("ReqNodeNotAvail", "Resources", "Reservation"), "it to wait")
        waits.until("PENDING", "Reservation")
        waits.update(reservation="")
        waits.ended("COMPLETED", code=0)
        same(long.now()["job_state"], ["PENDING"], "the long one")
        t.operator.done("DELETE", "/reservation/to-come")
        long.ended("COMPLETED", code=0)
    finally:
        give_back(t, "to-come")


@trial(nodes=1)
def made_and_changed(t):
    """Reservations are made and changed by administrators, seen by everybody, and told as they were wished."""
    start = int(time.time()) + 86400
    mine = {"name": "mine", "start_time": start, "duration": 60, "node_list": list(t.nodes), "users": ["alice"]}
    t.alice.refused(2010, "POST", "/reservation", mine)
    reserve(t, "seen", start_time=start, duration=30)
    try:
        def seen():
            [one] = t.bob.done("GET", "/reservation/seen")["reservations"]
            return one
        one = seen()
        same((one["node_list"], one["node_count"], one["core_count"], one["users"]), (t.nodes[0], 1, 8, "alice"),
             "what is reserved")
        same((number(one["start_time"]), number(one["end_time"])), (start, start + 1800), "when")
        t.operator.done("POST", "/reservation", {"name": "seen", "duration": 120, "users": ["alice", "bob"]})
        one = seen()
        same((number(one["end_time"]), sorted(one["users"].split(","))), (start + 7200, ["alice", "bob"]), "what was changed")
        t.refuse(2053, reservation="nobody-has-this")
    finally:
        give_back(t, "seen")
