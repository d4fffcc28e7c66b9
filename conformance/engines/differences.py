"""Where an engine is otherwise than Slurm documents and does, by design: all of it. docs/engines.md tells users the same.

A trial that meets one asserts what is otherwise, so that a difference that goes away fails it. One that no trial meets is a
mistake of this list.
"""

LOCAL, FRONT = "local", "front"

# What is otherwise, and where.
DIFFERENCES = {
    "cancelling `12.0` over REST ends that step alone": {LOCAL},
    "`array` of an update may be written `%2`": {LOCAL},
    "our own `srun` stands first on every script's `PATH`, and is told by `QUINTET_STEPS` whom to ask": {LOCAL},
    "jobs submitted over REST are told what sbatch tells: `SLURM_SUBMIT_DIR`, `SLURM_CPUS_PER_TASK`": {LOCAL},
}


class Differences:
    """The differences of one engine, and which of them have been met."""

    def __init__(self, engine):
        self.engine, self.met = engine, set()

    def meets(self, what):
        """Whether this engine is otherwise here; remembers that it was asked."""
        engines = DIFFERENCES[what]
        if self.engine in engines:
            self.met.add(what)
        return self.engine in engines

    def not_met(self):
        return sorted(what for what, engines in DIFFERENCES.items() if self.engine in engines and what not in self.met)


def untold(page):
    """The differences that a page does not tell."""
    return [what for what in DIFFERENCES if what not in page]
