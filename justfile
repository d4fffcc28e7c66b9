# Formats, lints and type-checks.
check:
    cargo fmt --all --check && cargo clippy --workspace --all-targets -- -D warnings

# Runs everything that must hold: what CI runs.
test *STEPS:
    ./test {{STEPS}}

# Compares with the recorded Slurm and runs its clients.
conformance:
    ./test golden clients slurm cluster

# Starts a service on this machine.
run *ARGUMENTS:
    cargo run --release -p quintet -- serve {{ARGUMENTS}}

# Measures, beside the real slurmrestd where there is one.
bench *ARGUMENTS:
    bench/run {{ARGUMENTS}}

# Builds the reference of all crates.
docs:
    cargo doc --workspace --no-deps
