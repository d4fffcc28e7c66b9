"""slurmrestapi: the client that OpenAPI Generator makes of the specification, with its strict models.

Submits a job and watches it to its end, reads it back, lists, cancels another one, and meets an unknown job.
"""

import slurmrestapi
from slurmrestapi.api.slurm_api import SlurmApi
from slurmrestapi.models.v0044_job_desc_msg import V0044JobDescMsg
from slurmrestapi.models.v0044_job_submit_req import V0044JobSubmitReq

from place import DIRECTORY, TOKEN, URL, USER, is_over, poll

configuration = slurmrestapi.Configuration(host=URL, api_key={"user": USER, "token": TOKEN})


def submit(slurm, name, script, **more):
    job = V0044JobDescMsg(
        name=name, current_working_directory=DIRECTORY, environment=["PATH=/bin:/usr/bin"], **more
    )
    answer = slurm.slurm_v0044_post_job_submit(V0044JobSubmitReq(script=script, job=job))
    assert not answer.errors, answer.errors
    assert answer.job_id, answer
    return answer.job_id


def job(slurm, number):
    return slurm.slurm_v0044_get_job(str(number)).jobs[0]


with slurmrestapi.ApiClient(configuration) as client:
    slurm = SlurmApi(client)

    pings = slurm.slurm_v0044_get_ping().pings
    assert pings[0].responding, pings
    assert any(node.name for node in slurm.slurm_v0044_get_nodes().nodes)
    assert any(partition.name == "debug" for partition in slurm.slurm_v0044_get_partitions().partitions)

    first = submit(slurm, "generated", "#!/bin/sh\necho made by a generator\nexit 3\n", tasks=1)
    done = poll(lambda: job(slurm, first), lambda job: is_over(job.job_state), "the first job's end")
    assert done.job_state == ["FAILED"], done.job_state
    assert done.exit_code.return_code.number == 3, done.exit_code
    assert done.user_name == USER, done.user_name
    assert done.name == "generated"

    second = submit(slurm, "cancelled", "#!/bin/sh\nsleep 600\n")
    poll(lambda: job(slurm, second), lambda job: "RUNNING" in job.job_state, "the second job's start")
    listed = {job.job_id: job for job in slurm.slurm_v0044_get_jobs().jobs}
    assert {first, second} <= set(listed), sorted(listed)
    slurm.slurm_v0044_delete_job(str(second))
    gone = poll(lambda: job(slurm, second), lambda job: is_over(job.job_state), "the second job's end")
    assert gone.job_state == ["CANCELLED"], gone.job_state

    try:
        slurm.slurm_v0044_get_job("99999999")
        raise AssertionError("an unknown job was found")
    except slurmrestapi.exceptions.NotFoundException as error:
        assert error.status == 404

print(f"generated client: jobs {first} and {second}, {len(listed)} listed")
