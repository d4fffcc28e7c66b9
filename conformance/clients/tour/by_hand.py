"""The tour by slurm-requests, a client written by hand: its own functions where it has them, its `request` for the rest.

Its requests have a body, a GET too. Of an answer that is no success it shows the status alone.
"""

import asyncio
from urllib.parse import quote, urlencode

import slurm_requests
from aiohttp import ClientResponseError
from rest_requests import RequestMethod

from tour import OPERATIONS, TOKENS, URL, USER, VERSION, Tour

slurm_requests.init_defaults(url=URL, api_version=VERSION)


def own_function(operation, path, query, body):
    """Returns the function that the client has for such a request, if it has one."""
    if operation == "get_ping":
        return slurm_requests.ping
    if operation == "get_diag":
        return slurm_requests.diagnose
    if operation == "delete_job" and not query:
        return lambda **who: slurm_requests.job_cancel(int(path["job_id"]), **who)
    return None


async def asked(user, operation, path, query, body):
    who = {"user_name": user, "user_token": TOKENS[user]}
    if function := own_function(operation, path, query, body):
        return await function(**who)
    method, place = OPERATIONS[operation]
    endpoint = place.format(**{name: quote(value, safe="") for name, value in path.items()})
    endpoint += f"?{urlencode(query)}" if query else ""
    # The original refuses a body beside a query.
    sent = {} if body is None and not query else {"body": body}
    return await slurm_requests.request(RequestMethod[method], midpoint="slurm", endpoint=endpoint, **sent, **who)


def ask(user, operation, path, query, body):
    try:
        return 200, asyncio.run(asked(user, operation, path, query, body))
    except ClientResponseError as error:
        # The original writes some refusals twice into a connection that it closes; of those this client cannot tell more.
        return None if "Data after `Connection: close`" in error.message else error.status, None


async def submitted():
    """The client's own way to submit."""
    return await slurm_requests.job_submit(
        name="by hand",
        working_directory="/tmp",
        script="#!/bin/sh\nexit 0\n",
        partition="debug",
        time_limit=5,
        environment=["PATH=/bin:/usr/bin"],
        stdout="/dev/null",
        user_name=USER,
        user_token=TOKENS[USER],
    )


tour = Tour("slurm-requests", ask)
job_id, _ = asyncio.run(submitted())
assert tour.until_over(job_id)["job_state"] == ["COMPLETED"]
tour.take()
