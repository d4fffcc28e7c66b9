"""The tour by a client that OpenAPI Generator has made, whose package is the first argument.

Bodies pass through its models on the way out and answers on the way in. Each answer is compared with its models' view of
it: a field that the models do not know, or show otherwise, is a fault of the answer.
"""

import importlib
import json
import re
import sys

from original import differs, expect
from tour import OPERATIONS, TOKENS, URL, VERSION, Tour

PACKAGE = sys.argv[1]
client = importlib.import_module(PACKAGE)
PREFIX = f"slurm_{VERSION.replace('.', '')}_"
# Null stands for a job without resources, and for an update of a job that is no array.
MAY_BE_NULL = {"job_resources", "results"}
# Sent besides what the schema has: the name under which the original has what the schema calls `job_state`.
BESIDES = {"jobs/state/.jobs[].state"}

# Answers that models cannot read where they are not what their schema says.
UNREADABLE = {"get_jobs_state": "the list of states is what its schema says"}
for difference in UNREADABLE.values():
    expect(difference)

apis = {
    user: client.SlurmApi(client.ApiClient(client.Configuration(host=URL, api_key={"user": user, "token": token})))
    for user, token in TOKENS.items()
}


def model_of(body_parameter):
    """Returns the model for a parameter such as `v0044_job_submit_req`."""
    return getattr(client, "".join(part.capitalize() for part in body_parameter.split("_")))


def body_parameter(call):
    """Returns the name of the parameter of an operation that is its body."""
    return next(name for name in call.__annotations__ if name.startswith(VERSION.replace(".", "")))


def compare(raw, seen, where):
    """Asserts that the models show all that the answer has, and as it is."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            if value is None:
                assert key in MAY_BE_NULL, f"{where}.{key} is null"
            else:
                place = f"{where}.{key}"
                assert key in seen or re.sub(r"\d+", "", place) in BESIDES, f"the models do not know {place}"
                compare(value, seen.get(key, value), place)
    elif isinstance(raw, list):
        assert len(raw) == len(seen), where
        for index, (one, other) in enumerate(zip(raw, seen)):
            compare(one, other, f"{where}[{index}]")
    else:
        assert raw == seen and isinstance(raw, bool) == isinstance(seen, bool), f"{where}: {raw!r} is seen as {seen!r}"


def filled(raw, seen):
    """Returns the document as the models show it, with the nulls that models leave out."""
    return {**{key: None for key, value in raw.items() if value is None}, **seen}


def ask(user, operation, path, query, body):
    call = getattr(apis[user], f"{PREFIX}{operation}_with_http_info")
    arguments = {**path, **query}
    if body is not None:
        parameter = body_parameter(call)
        model = model_of(parameter).from_dict(body)
        compare(body, model.to_dict(), f"the request of {operation}")
        arguments[parameter] = model
    if operation in UNREADABLE and differs(UNREADABLE[operation]):
        raw = getattr(apis[user], f"{PREFIX}{operation}_without_preload_content")(**arguments, _request_timeout=60)
        return raw.status, json.loads(raw.read())
    try:
        answer = call(**arguments, _request_timeout=60)
    except client.ApiException as error:
        return error.status, json.loads(error.body)
    raw = json.loads(answer.raw_data)
    seen = answer.data.to_dict()
    compare(raw, seen, OPERATIONS[operation][1])
    return answer.status_code, filled(raw, seen)


Tour(PACKAGE, ask).take()
