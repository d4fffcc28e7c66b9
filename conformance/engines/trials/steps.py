"""Steps: what srun starts within a job, and what is told of it afterwards."""

from place import check, number, same, until, until_there
from stage import trial


def named(record):
    """The steps of a record in accounting by their numbers, without the script."""
    return {step["step"]["id"].rpartition(".")[2]: step for step in record["steps"] if step["step"]["name"] != "batch"}


@trial()
def ends(t):
    """Each step has its own end; the gravest is the job's derived exit code."""
    tells = "srun -n2 sh -c 'echo $SLURM_PROCID of $SLURM_NTASKS in $SLURM_STEP_ID >>told'"
    job = t.submit(f"{tells}\nsrun -n1 sh -c 'exit 4'\nexit 0", tasks=2, nodes="1")
    record, accounted = job.ended("COMPLETED", code=0)
    same(sorted(t.lines("told")), ["0 of 2 in 0", "1 of 2 in 0"], "what tasks are told")
    same(number(record["derived_exit_code"]["return_code"]), 4, "derived exit code")
    same(number(accounted["derived_exit_code"]["return_code"]), 4, "derived exit code in accounting")
    steps = named(accounted)
    found = {name: (step["state"], number(step["exit_code"]["return_code"]), step["tasks"]["count"])
             for name, step in steps.items()}
    same(found, {"0": (["COMPLETED"], 0, 2), "1": (["FAILED"], 4, 1)}, "steps in accounting")
    check(number(steps["0"]["time"]["end"]) <= number(steps["1"]["time"]["start"]) + 1, "one came after the other")


@trial(nodes=3)
def several_nodes(t):
    """Tasks of a step are laid over the nodes of the job."""
    job = t.submit("srun sh -c 'echo $SLURM_PROCID $SLURM_NODEID $SLURM_LOCALID $SLURMD_NODENAME >told.$SLURM_PROCID'",
                   nodes="2", tasks=4, tasks_per_node=2, required_nodes=t.nodes[:2])
    job.ended("COMPLETED", code=0)
    first, second = t.nodes[:2]
    same([t.read(f"told.{rank}").strip() for rank in range(4)],
         [f"0 0 0 {first}", f"1 0 1 {first}", f"2 1 0 {second}", f"3 1 1 {second}"], "where tasks run")


@trial()
def signalled(t):
    """A signal for the steps reaches their tasks and not the script, and a step can be named."""
    job = t.submit(
        "trap 'echo script >>heard' USR1\n"
        "srun --overlap sh -c 'trap \"echo step >>heard\" USR1; : >armed; while :; do sleep 0.2; done' & wait; wait; wait\n"
        f"{until_there('go')}")
    t.until_file("armed")
    t.alice.done("DELETE", "/jobs/", {"jobs": [str(job.id)], "signal": "USR1"})
    until(lambda: t.exists("heard") and t.lines("heard"), lambda lines: lines == ["step"], "the step to hear of it")
    t.alice.done("DELETE", "/jobs/", {"jobs": [f"{job.id}.0"]})
    t.write("go")
    if t.differs("cancelling `12.0` over REST ends that step alone"):
        _, accounted = job.ended("COMPLETED", code=0)
        check(named(accounted)["0"]["state"] != ["COMPLETED"], "the step was ended:", accounted["steps"])
    else:
        job.ended("CANCELLED")
