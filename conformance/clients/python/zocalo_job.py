"""zocalo (Diamond Light Source): hand-written models, the script at the top of the request, the default version."""

from zocalo.util.slurm import SlurmRestApi, models

from place import DIRECTORY, TOKEN, URL, USER, is_over, poll

api = SlurmRestApi(URL, user_name=USER, user_token=TOKEN)
submitted = api.submit_job(
    models.JobSubmitReq(
        script="#!/bin/sh\necho from zocalo\n",
        job=models.JobDescMsg(
            name="zocalo",
            current_working_directory=DIRECTORY,
            environment=["PATH=/bin:/usr/bin"],
            tasks=1,
            time_limit=models.Uint32NoValStruct(number=5, set=True),
        ),
    )
)
assert not (submitted.errors and submitted.errors.root), submitted.errors


def states():
    return {getattr(state, "value", state) for state in api.get_job_info(submitted.job_id).job_state or ()}


ended = poll(states, is_over, "the job's end")
assert ended == {"COMPLETED"}, ended
assert any(job.job_id == submitted.job_id for job in api.get_jobs().jobs.root)
print(f"zocalo: job {submitted.job_id}")
