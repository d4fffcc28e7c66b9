"""What Slurm's interface does on purpose and the general checks do not know.

The recorded conversations say which statuses bad input has: some of them are 5xx. These checks stand in for the general
ones, and let through nothing else.
"""

import re

import schemathesis

# Status and number of the errors that answers with 5xx may have: what the original has for the same mistakes.
RECORDED = {
    # Input of the wrong type, flags that are no list, unknown flags, no list, no object.
    *((500, number) for number in (9202, 9206, 9207, 9208, 9209)),
    # Words that mean nothing: a user to filter by, a frequency of the processor, a line that describes nodes.
    (500, -1),
    # A frequency of accounting that cannot be.
    (500, 4003),
    # An unknown cluster in a query of accounting.
    (500, 7104),
    # Users and associations that are more than one, or none, where one is meant.
    (500, 9210),
    (500, 9211),
    # A token that does not hold, at the controller and at accounting.
    (511, 1007),
    (502, 7000),
}
# The same, found out before any operation has the request.
RECORDED_TEXTS = {"Unable to convert Data type", "Unspecified error", "Insane message length"}


@schemathesis.hook
def before_call(context, case, kwargs):
    """An allocation is answered when it starts, be that tomorrow; those that are made up do not wait."""
    if case.path.endswith("/job/allocate") and isinstance(case.body, dict):
        components = case.body.get("hetjob")
        for job in [case.body.get("job"), *(components if isinstance(components, list) else [])]:
            if isinstance(job, dict):
                job["immediate"] = True


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Says what is recorded and not published.

    Accounting answers a change that changes nothing with 304 and nothing else; its document says only what the other
    answers have. A change of a job has no results unless it was of several and some failed.
    """
    for name, described in raw_schema.get("components", {}).get("schemas", {}).items():
        if name.endswith("_openapi_job_post_response"):
            properties = described["properties"]
            properties["results"] = {"anyOf": [properties["results"], {"type": "null"}]}
    for path, operations in raw_schema.get("paths", {}).items():
        for method, operation in operations.items():
            if path.startswith("/slurmdb/") and method in ("post", "delete"):
                operation["responses"]["304"] = {"description": "Nothing has changed"}


def first_error(response):
    """Returns the number of the error that decides on the status, and whether it is about a place of the input."""
    if media_type(response) == "application/json":
        found = [(error.get("error_number"), error.get("source") or "") for error in response.json().get("errors", [])]
    else:
        # Readers of YAML object to letters that others have sent.
        text = response.content.decode(errors="replace")
        found = [(int(number), "") for number in re.findall(r"error_number: (?:!!int )?(-?\d+)", text)]
    number, source = next((error for error in found if error[0]), (None, ""))
    return number, source.startswith("#/")


def media_type(response):
    values = response.headers.get("content-type", [""])
    return values[0].split(";")[0] if values else ""


@schemathesis.check
def server_errors_are_those_of_the_original(ctx, response, case):
    """A server error is one that the original gives for such input."""
    if response.status_code < 500:
        return
    if media_type(response) == "text/plain":
        known = response.status_code == 500 and response.text in RECORDED_TEXTS
        assert known, f"{response.status_code} with the text {response.text!r}"
    else:
        number, is_of_input = first_error(response)
        # An allocation that cannot be read is always 500, and the original does not always say why.
        is_unread = response.status_code == 500 and (number is None or is_of_input)
        is_unread = is_unread and case.path.endswith("/job/allocate")
        assert is_unread or (response.status_code, number) in RECORDED, f"{response.status_code} with error {number}"


@schemathesis.check
def documents_are_of_a_documented_type(ctx, response, case):
    """An answer is JSON or YAML; plain texts are refusals of the server before any operation."""
    known = {"application/json", "application/yaml", "application/x-yaml", "text/yaml"}
    if response.status_code in (204, 304):
        assert not response.content, f"{response.status_code} with a body"
    elif media_type(response) == "text/plain":
        assert response.status_code >= 400, f"{response.status_code} as plain text"
    elif media_type(response) != "application/x-www-form-urlencoded":
        assert media_type(response) in known, f"a document of type {media_type(response)!r}"
