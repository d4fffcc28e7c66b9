"""What is otherwise where the tour is taken at the original, all of it, with the reasons.

`./test slurm` takes the tour there to show that it tells the truth: TOUR_OF=original. A difference that is not met on the
way is a mistake of this list, as one that is met and not listed is a mistake of ours.
"""

import os

IS_ORIGINAL = os.environ.get("TOUR_OF") == "original"

DIFFERENCES = {
    "an array is updated by its number": "the original changes the record of that number alone, the tasks that wait; ours all"
    " that are not over, since that is what was named",
    "a node is made with CPUs of its own": "the original takes what the DEFAULT line of its configuration says",
    "a job comes to a reservation that has just begun": "the original warns that its node is not available, until it has"
    " looked at the reservation",
    "a node that is down waits to be resumed": "the original's own node reports again after some seconds, and is back by"
    " itself where it was set down for no other reason",
}

# Met by those clients alone that hold answers against their schema.
FOR_MODELS = {
    "the list of states is what its schema says": "the original's ids are texts (`351_0`), which no client can read that was"
    " made from its schema",
}

_met = set()
_expected = set(DIFFERENCES)


def expect(what):
    """Says that a client will meet one of the differences for models."""
    assert what in FOR_MODELS, what
    _expected.add(what)


def differs(what):
    """Tells whether the tour is at the original, where this is otherwise."""
    assert what in _expected, what
    if IS_ORIGINAL:
        _met.add(what)
    return IS_ORIGINAL


def check_all_met():
    """Asserts that every difference of the list has been met."""
    if IS_ORIGINAL:
        assert _met == _expected, f"not met: {sorted(_expected - _met)}"
