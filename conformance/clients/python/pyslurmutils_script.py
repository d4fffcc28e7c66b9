"""pyslurmutils (ESRF): discovers the API version, submits a script, follows it, reads its log, cancels another."""

from pyslurmutils.client import SlurmScriptRestClient

from place import DIRECTORY, TOKEN, URL, USER, poll

client = SlurmScriptRestClient(
    url=URL,
    user_name=USER,
    token=TOKEN,
    api_version="v0.0.44",
    log_directory=DIRECTORY,
    use_env_credentials=False,
    parameters={"current_working_directory": DIRECTORY},
)
assert client.server_has_api()

first = client.submit_script("echo submitted by pyslurmutils", parameters={"name": "pyslurmutils"})
status = client.wait_finished(first, progress=False)
assert status == "COMPLETED", status
properties = client.get_job_properties(first)
assert properties.name.startswith("pyslurmutils"), properties.name

second = client.submit_script("sleep 600")
poll(lambda: client.get_status(second), lambda status: status == "RUNNING", "the second job's start")
client.cancel_job(second)
status = client.wait_finished(second, progress=False)
assert status == "CANCELLED", status

known = {job.job_id for job in client.get_all_job_properties()}
assert {first, second} <= known, known
client.clean_job_artifacts(first)
print(f"pyslurmutils: jobs {first} and {second}")
