"""Arrays: numbers, elements, and how many run at once."""

from place import check, number, same, until, until_there
from stage import trial


@trial()
def elements(t):
    """Each element that was asked for runs once, has a number of its own, and its own end."""
    job = t.submit("echo $SLURM_ARRAY_TASK_ID >>ran; exit $((SLURM_ARRAY_TASK_ID == 3))", array="1-5:2")
    ends = {index: job.accounted(state, name=f"{job.id}_{index}")
            for index, state in ((1, "COMPLETED"), (3, "FAILED"), (5, "COMPLETED"))}
    same(sorted(t.lines("ran")), ["1", "3", "5"], "what ran")
    same(len({record["job_id"] for record in ends.values()}), 3, "how many numbers they have")
    check(job.id in {record["job_id"] for record in ends.values()}, "one of them has the array's")
    for index, record in ends.items():
        same((record["array"]["job_id"], number(record["array"]["task_id"])), (job.id, index), "whose element it is")
        same(number(record["exit_code"]["return_code"]), int(index == 3), "its exit code")
    until(lambda: {number(record["array_task_id"]) for record in job.records()}, lambda found: found == {1, 3, 5},
          "the controller to show them")


@trial()
def throttle(t):
    """No more run at once than was said, and more when that is changed."""
    job = t.submit(f"echo + >>log; {until_there('go.$SLURM_ARRAY_TASK_ID')}; echo - >>log", array="0-3%1")
    waits = {"array_task_string": "1-3%1", "array_max_tasks": 1}
    until(job.records, lambda records: waits in [{name: number(record[name]) for name in waits} for record in records],
          "one to run, and the others to be left")
    until(job.records, lambda records: any(record["state_reason"] == "JobArrayTaskLimit" for record in records),
          "the others to wait for their turn")
    t.write("go.0")
    until(lambda: t.exists("log") and t.lines("log"), lambda lines: lines and len(lines) >= 3, "the second one")
    same(t.lines("log"), ["+", "-", "+"], "who ran when")
    job.update(array="2")
    until(lambda: t.lines("log"), lambda lines: lines == ["+", "-", "+", "+"], "another one to run besides")
    for index in (1, 2, 3):
        t.write(f"go.{index}")
    for index in range(4):
        job.accounted("COMPLETED", name=f"{job.id}_{index}")
    running = most = 0
    for line in t.lines("log"):
        running += 1 if line == "+" else -1
        most = max(most, running)
    same(most, 2, "how many ran at once")


@trial()
def throttle_written(t):
    """How many run at once is changed by a number; written as in a submission it is another matter."""
    job = t.submit("true", array="0-3%1", hold=True)
    job.update(array="3")
    same(number(job.records()[0]["array_max_tasks"]), 3, "how many, by a number")
    job.update(array="%2")
    wanted = 2 if t.differs("`array` of an update may be written `%2`") else 0
    same(number(job.records()[0]["array_max_tasks"]), wanted, "how many, as in a submission")


@trial()
def waiting(t):
    """Elements that wait are one record, and leave it when they run."""
    job = t.submit("true", array="0-2", hold=True)
    [record] = job.records()
    same((record["job_id"], number(record["array_job_id"]), record["array_task_string"]), (job.id, job.id, "0-2"),
         "those that wait")
    states = t.alice.done("GET", "/jobs/state/", query={"job_id": str(job.id)})["jobs"]
    check(states and all("PENDING" in (state.get("job_state") or state["state"]) for state in states), "their state:", states)
    job.update(hold=False)
    for index in range(3):
        job.accounted("COMPLETED", name=f"{job.id}_{index}")


@trial()
def one_is_put_back(t):
    """One element goes back into the queue and runs again, the others do not."""
    job = t.submit(f"echo $SLURM_ARRAY_TASK_ID.${{SLURM_RESTART_COUNT:-0}} >>log; {until_there('go')}", array="0-1")
    for index in (0, 1):
        job.until_task(index, lambda task: "RUNNING" in task["job_state"], "to run")
    until(lambda: t.exists("log") and len(t.lines("log")) == 2, bool, "both to have begun")
    answer = t.requeue(job, task=1)
    same((answer.status, answer.json["errors"]), (200, []), "putting it back")
    until(lambda: t.lines("log"), lambda lines: "1.1" in lines, "it to run again")
    t.write("go")
    job.accounted("COMPLETED", name=f"{job.id}_0")
    until(lambda: [record["state"]["current"] for record in job.recorded(f"{job.id}_1")],
          lambda states: ["COMPLETED"] in states, "its end in accounting")
    same(sorted(t.lines("log")), ["0.0", "1.0", "1.1"], "who ran how often")


@trial()
def refused(t):
    """What is no array is refused, and what is too large."""
    for text in ("x", "5-1", "0-100000", "-3"):
        t.refuse(2081, array=text)
