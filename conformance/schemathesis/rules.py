"""What Slurm's interface does on purpose and the general checks do not know.

The recorded conversations say which statuses bad input has: some of them are 5xx. These checks stand in for the general
ones, and let through nothing else.
"""

import schemathesis

# Input that cannot be read (92xx, -1), a token that does not hold (1007), an empty list of components (11).
RECORDED_NUMBERS = {-1, 11, 1007, *range(9200, 9220)}
# What is wrong at a place of the input is a server error whatever its number.
IN_INPUT = "#/"
# The same, found out before any operation has the request.
RECORDED_TEXTS = {"Unable to convert Data type", "Unspecified error", "Insane message length"}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """A job that holds nothing has null for its resources, as recorded; its schema knows an object only."""
    for name, schema in raw_schema.get("components", {}).get("schemas", {}).items():
        if name.endswith("_job_info"):
            properties = schema["properties"]
            properties["job_resources"] = {"nullable": True, "allOf": [properties["job_resources"]]}


def first_error(response):
    """Returns number and source of the error that decides on the status."""
    try:
        errors = response.json().get("errors", [])
    except (ValueError, AttributeError):
        return None, ""
    found = ((error.get("error_number", 0), error.get("source", "")) for error in errors)
    return next((error for error in found if error[0] != 0), (None, ""))


def media_type(response):
    values = response.headers.get("content-type", [""])
    return values[0].split(";")[0] if values else ""


@schemathesis.check
def server_errors_are_those_of_the_original(ctx, response, case):
    """A server error is one that the original gives for such input."""
    if response.status_code < 500:
        return
    if media_type(response) == "text/plain":
        assert response.text in RECORDED_TEXTS, f"{response.status_code} with the text {response.text!r}"
    elif media_type(response) == "application/json":
        number, source = first_error(response)
        is_recorded = number in RECORDED_NUMBERS or source.startswith(IN_INPUT)
        # Of an allocation that cannot be read the original does not always say why.
        is_recorded |= number is None and case.path.endswith("/job/allocate")
        assert is_recorded, f"{response.status_code} with error {number} of {source}"


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
