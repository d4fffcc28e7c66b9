"""What Waldur's own Python client does with the service: logs in, looks around, makes, watches, lists, changes and deletes jobs.

The service is at QUINTET_URL. QUINTET_USER logs in with QUINTET_PASSWORD, QUINTET_STRANGER_TOKEN is somebody's who shares no
project with that user, QUINTET_STAFF_TOKEN is an administrator's.
"""

import fcntl
import io
import os
import tempfile
import time

from waldur_api_client.api.api_auth import api_auth_logout, api_auth_password
from waldur_api_client.api.customers import customers_list
from waldur_api_client.api.projects import projects_list
from waldur_api_client.api.service_settings import service_settings_list
from waldur_api_client.api.slurm_jobs import (
    slurm_jobs_count,
    slurm_jobs_create,
    slurm_jobs_destroy,
    slurm_jobs_list,
    slurm_jobs_partial_update,
    slurm_jobs_pull,
    slurm_jobs_retrieve,
    slurm_jobs_set_erred,
    slurm_jobs_set_ok,
    slurm_jobs_unlink,
    slurm_jobs_update,
)
from waldur_api_client.api.users import users_me_retrieve
from waldur_api_client.api.version import version_retrieve
from waldur_api_client.client import AuthenticatedClient, Client
from waldur_api_client.errors import UnexpectedStatus
from waldur_api_client.models.auth_token_challenge import AuthTokenChallenge
from waldur_api_client.models.core_auth_token import CoreAuthToken
from waldur_api_client.models.firecrest_job_field_enum import FirecrestJobFieldEnum
from waldur_api_client.models.firecrest_job_request_multipart import FirecrestJobRequestMultipart
from waldur_api_client.models.obtain_auth_token_request import ObtainAuthTokenRequest
from waldur_api_client.models.patched_firecrest_job_request import PatchedFirecrestJobRequest
from waldur_api_client.models.set_erred_request import SetErredRequest
from waldur_api_client.types import UNSET, File

URL = os.environ["QUINTET_URL"].rstrip("/")
USER = os.environ["QUINTET_USER"]
PASSWORD = os.environ["QUINTET_PASSWORD"]

# Jobs run as users, who must be able to write there.
FOLDER = tempfile.mkdtemp(prefix="waldur-")
os.chmod(FOLDER, 0o777)


def script(text, *lines):
    return "\n".join(["#!/bin/sh", f"#SBATCH --chdir={FOLDER}", *lines, text, ""]).encode()


def refused(call, status, *texts, **arguments):
    """Checks that a call is refused with a status and these texts."""
    try:
        answer = call(**arguments)
    except UnexpectedStatus as error:
        content = error.content.decode()
        assert error.status_code == status, (error.status_code, content)
        assert all(text in content for text in texts), content
    else:
        raise AssertionError(f"not refused: {answer}")


def until(client, job, holds, what, seconds=60):
    end = time.monotonic() + seconds
    while True:
        seen = slurm_jobs_retrieve.sync(client=client, uuid=job.uuid)
        if holds(seen):
            return seen
        assert time.monotonic() < end, f"waited {seconds} s for {what}; last seen: {seen}"
        time.sleep(0.1)


def in_state(state):
    return lambda job: job.runtime_state == state


# W1: log in.
def login(password):
    body = ObtainAuthTokenRequest(username=USER, password=password)
    return api_auth_password.sync(client=Client(URL), body=body)


challenge = login("not the password")
assert isinstance(challenge, AuthTokenChallenge), challenge
assert challenge.detail == "Invalid username/password.", challenge
token = login(PASSWORD)
assert isinstance(token, CoreAuthToken) and len(token.token) == 40, token
client = AuthenticatedClient(URL, token=token.token)
stranger = AuthenticatedClient(URL, token=os.environ["QUINTET_STRANGER_TOKEN"])
staff = AuthenticatedClient(URL, token=os.environ["QUINTET_STAFF_TOKEN"])

# W2: look around.
assert version_retrieve.sync(client=client).version
me = users_me_retrieve.sync(client=client)
assert me.username == USER and me.is_staff is False, me
assert users_me_retrieve.sync(client=staff).is_staff is True
settings = service_settings_list.sync(client=client)
assert len(settings) == 1 and settings[0].type_ == "SLURM", settings
projects = projects_list.sync(client=client)
customers = customers_list.sync(client=client)
assert projects and customers and projects[0].customer_uuid in {customer.uuid for customer in customers}
project, settings = projects[0], settings[0]
foreign = projects_list.sync(client=stranger)[0]
assert foreign.url not in {own.url for own in projects}


def make(name, content, project=project, client=client):
    body = FirecrestJobRequestMultipart(
        name=name,
        project=project.url,
        service_settings=settings.url,
        file=File(payload=io.BytesIO(content), file_name="job.sh", mime_type="text/x-shellscript"),
    )
    return slurm_jobs_create.sync(client=client, body=body)


# W3: make a job.
content = script("echo a line; echo another >&2")
job = make("hello", content)
assert job.state.value in ("CREATION_SCHEDULED", "CREATING", "OK"), job
assert job.user_username == USER and job.project_uuid == project.uuid, job
path = job.file[len(URL) :]
assert client.get_httpx_client().get(path).content == content
assert Client(URL).get_httpx_client().get(path).status_code == 404
assert stranger.get_httpx_client().get(path).status_code == 404

# W4: watch it.
over = until(client, job, in_state("COMPLETED"), "COMPLETED", 30)
assert over.state.value == "OK" and over.backend_id, over
report = over.report.to_dict() if hasattr(over.report, "to_dict") else over.report
assert report["job_data_out"] == "a line\n" and report["job_data_err"] == "another\n", report
assert report["exit_code"] == 0, report

# W5: lists and fields.
for number in range(24):
    make(f"one of many {number}", script("true"))
assert len(slurm_jobs_list.sync(client=client, page_size=10, page=3)) == 5
everything = slurm_jobs_list.sync_all(client=client)
assert len({job.uuid for job in everything}) == 25 == len(everything)
assert [job.created for job in everything] == sorted((job.created for job in everything), reverse=True)
assert everything[0].name == "one of many 23" and everything[-1].uuid == job.uuid
assert slurm_jobs_count.sync(client=client) == 25
assert slurm_jobs_count.sync(client=stranger) == 0
fields = [FirecrestJobFieldEnum.UUID, FirecrestJobFieldEnum.STATE]
for few in slurm_jobs_list.sync(client=client, field=fields):
    assert few.uuid and few.state.value == "OK", few
    assert few.name is UNSET and few.report is UNSET and few.project is UNSET, few

# W6: a program that fails.
failed = until(client, make("fails", script("exit 3")), in_state("FAILED"), "FAILED")
report = failed.report.to_dict() if hasattr(failed.report, "to_dict") else failed.report
assert failed.state.value == "OK" and report["exit_code"] == 3, failed

# W7: a submission that is refused.
bad = make("bad", script("true", "#SBATCH --partition=nowhere"))
bad = until(client, bad, lambda job: job.state.value == "ERRED", "ERRED")
assert "nowhere" in bad.error_message and bad.backend_id == "", bad
refused(slurm_jobs_pull.sync, 400, '["Resource does not have backend ID."]', client=client, uuid=bad.uuid)
refused(
    slurm_jobs_partial_update.sync,
    409,
    "Valid states for operation: OK.",
    client=client,
    uuid=bad.uuid,
    body=PatchedFirecrestJobRequest(description="x"),
)
assert slurm_jobs_destroy.sync_detailed(client=client, uuid=bad.uuid).status_code == 204
refused(slurm_jobs_retrieve.sync, 404, "No Job matches the given query.", client=client, uuid=bad.uuid)

# W8: change a job.
patched = slurm_jobs_partial_update.sync(
    client=client, uuid=job.uuid, body=PatchedFirecrestJobRequest(description="x")
)
assert (patched.description, patched.name) == ("x", "hello"), patched
body = FirecrestJobRequestMultipart(
    name="renamed",
    project=foreign.url,
    service_settings=settings.url,
    file=File(payload=io.BytesIO(b"another file"), file_name="other.sh", mime_type="text/plain"),
)
updated = slurm_jobs_update.sync(client=client, uuid=job.uuid, body=body)
assert (updated.name, updated.project_uuid, updated.file) == ("renamed", project.uuid, job.file), updated
assert client.get_httpx_client().get(path).content == content
refused(
    slurm_jobs_partial_update.sync,
    400,
    "This field may not be blank.",
    client=client,
    uuid=job.uuid,
    body=PatchedFirecrestJobRequest(name=""),
)
refused(
    slurm_jobs_partial_update.sync,
    404,
    client=stranger,
    uuid=job.uuid,
    body=PatchedFirecrestJobRequest(description="mine"),
)

# W9: pull; staff takes a record out of service before, and it comes back.
assert slurm_jobs_set_erred.sync(
    client=staff, uuid=job.uuid, body=SetErredRequest(error_message="lost")
).detail
lost = slurm_jobs_retrieve.sync(client=client, uuid=job.uuid)
assert (lost.state.value, lost.error_message) == ("ERRED", "lost"), lost
pulled = slurm_jobs_pull.sync_detailed(client=client, uuid=job.uuid)
assert pulled.status_code == 202 and pulled.parsed.detail, pulled
fresh = slurm_jobs_retrieve.sync(client=client, uuid=job.uuid)
assert (fresh.state.value, fresh.runtime_state, fresh.error_message) == ("OK", "COMPLETED", ""), fresh
assert slurm_jobs_set_ok.sync(client=staff, uuid=job.uuid).detail

# W10: delete a job that runs, and see that its program is gone. Wherever it runs, it holds a lock for as long as it is there.
mark = os.path.join(FOLDER, "mark")
running = make("runs", script(f"exec 9>{mark} && flock 9 && echo here >&9 && exec sleep 600"))
until(client, running, in_state("RUNNING"), "RUNNING")


def wait_for(holds, what, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def is_free():
    with open(mark, encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


wait_for(lambda: os.path.exists(mark) and os.path.getsize(mark), "the program never started")
assert not is_free()
deleted = slurm_jobs_destroy.sync_detailed(client=client, uuid=running.uuid)
assert deleted.status_code == 204 and deleted.content == b"", deleted
refused(slurm_jobs_retrieve.sync, 404, client=client, uuid=running.uuid)
wait_for(is_free, "the program is still there")

# Forgetting records is staff's, and what ended stays ended.
refused(slurm_jobs_unlink.sync_detailed, 403, client=client, uuid=failed.uuid)
assert slurm_jobs_unlink.sync_detailed(client=staff, uuid=failed.uuid).status_code == 204
refused(slurm_jobs_retrieve.sync, 404, client=staff, uuid=failed.uuid)
assert slurm_jobs_count.sync(client=client) == 25

# Log out.
api_auth_logout.sync_detailed(client=client)
refused(users_me_retrieve.sync, 401, "Invalid token.", client=client)
print("Waldur's client has done all it came for")
