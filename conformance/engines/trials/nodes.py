"""Nodes that are drained, lost and come back while jobs run."""

import time

from place import check, number, same, until, until_there
from stage import trial


def is_back(t, node):
    """Puts a node back into service, if it is not back by itself, and waits until it is idle."""
    t.operator.ask("POST", f"/node/{node}", {"state": ["RESUME"]})
    until(lambda: t.node(node)["state"], lambda state: state == ["IDLE"], f"{node} to be back")


@trial(nodes=1)
def drained(t):
    """A node that is drained finishes what it runs and takes nothing new, until it is resumed."""
    [name] = t.nodes
    first = t.submit(until_there("go"))
    first.until("RUNNING")
    t.alice.refused(2010, "POST", f"/node/{name}", {"state": ["DRAIN"], "reason": "mine"})
    t.operator.done("POST", f"/node/{name}", {"state": ["DRAIN"], "reason": "swept"})
    node = t.node(name)
    check("DRAIN" in node["state"], "state of the node:", node["state"])
    same((node["reason"], node["reason_set_by_user"]), ("swept", "slurm"), "reason")
    second = t.submit("true")
    record = until(second.now, lambda record: record["state_reason"] not in ("None", "Priority"), "why it waits")
    check(record["state_reason"] in ("Resources", "ReqNodeNotAvail"), "reason:", record["state_reason"])
    same(first.now()["job_state"], ["RUNNING"], "what runs there")
    t.write("go")
    first.ended("COMPLETED", code=0)
    same(second.now()["job_state"], ["PENDING"], "what waits")
    t.operator.done("POST", f"/node/{name}", {"state": ["RESUME"]})
    second.ended("COMPLETED", code=0)
    same(t.node(name)["reason"], "", "reason afterwards")


@trial(nodes=1)
def lost(t):
    """A job whose node is set down goes back into the queue, and runs again when that is back."""
    [name] = t.nodes
    job = t.submit(f"echo ${{SLURM_RESTART_COUNT:-0}} >>log; {until_there('go')}", requeue=True)
    until(lambda: t.exists("log") and t.lines("log"), bool, "it to run")
    t.operator.done("POST", f"/node/{name}", {"state": ["DOWN"], "reason": "lost"})
    record = until(job.now, lambda record: (record["job_state"], record["restart_cnt"]) == (["PENDING"], 1),
                   "it to be back in the queue")
    same(record["nodes"], "", "where it is")
    is_back(t, name)
    job.update(begin_time=int(time.time()) - 10)
    until(lambda: t.lines("log"), lambda lines: lines == ["0", "1"], "it to run again")
    t.write("go")
    over = job.until_over()
    same(over["job_state"], ["COMPLETED"], "state")
    records = until(job.recorded, lambda records: len(records) == 2 and records[-1]["time"]["end"], "both runs in accounting")
    same(sorted(record["state"]["current"][0] for record in records), ["COMPLETED", "NODE_FAIL"], "states in accounting")


@trial(nodes=1)
def lost_for_good(t):
    """One that must not run twice ends with its node as NODE_FAIL."""
    [name] = t.nodes
    job = t.submit("sleep 600", requeue=False)
    job.until("RUNNING")
    t.operator.done("POST", f"/node/{name}", {"state": ["DOWN"], "reason": "lost"})
    job.ended("NODE_FAIL")
    is_back(t, name)


@trial(nodes=1)
def refused(t):
    """What a node cannot become is refused."""
    [name] = t.nodes
    t.operator.refused(2180, "POST", f"/node/{name}", {"state": ["RESUME"]})
    t.operator.refused(2018, "POST", "/nodes/", {"name": ["n99"], "state": ["DRAIN"], "reason": "none"})


@trial(nodes=1)
def comments_and_weights(t):
    """What administrators say of a node is told of it."""
    [name] = t.nodes
    t.operator.done("POST", f"/node/{name}", {"comment": "soon", "extra": "rack 7", "weight": 5})
    node = t.node(name)
    same((node["comment"], node["extra"], node["weight"]), ("soon", "rack 7", 5), "what is told")
    t.operator.done("POST", f"/node/{name}", {"comment": "", "extra": "", "weight": 1})
    same(number(t.node(name)["weight"]), 1, "weight")
