//! Days that were recorded, again and again: other numbers, times and directories, and sums of usage to match.

use std::path::Path;
use std::time::Instant;

use crate::{COPIED, COPIED_MINUTES};

/// Copies what was recorded, so that there is so much of it.
pub(crate) fn copy(file: &Path, times: u32) -> rusqlite::Result<()> {
    let start = Instant::now();
    let connection = rusqlite::Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA cache_size = -1000000; PRAGMA synchronous = off; PRAGMA wal_autocheckpoint = 100000;",
    )?;
    connection.execute_batch(
        "CREATE TEMP TABLE first_usage AS SELECT * FROM usage WHERE kind % 3 < 2;
             CREATE TEMP TABLE first_waited AS SELECT * FROM waited;",
    )?;
    for copy in 1..i64::from(times) {
        let (jobs, minutes) = (copy * i64::from(COPIED), copy * COPIED_MINUTES);
        let micros = minutes * 60_000_000;
        connection
            .execute_batch(&format!(
                r#"BEGIN;
                INSERT OR IGNORE INTO word (text) SELECT text || '-{copy}' FROM word WHERE id IN
                    (SELECT work_dir FROM past WHERE id <= {COPIED}) AND text <> '';
                CREATE TEMP TABLE dir AS SELECT old.id AS old, new.id AS new FROM word old
                    JOIN word new ON new.text = old.text || '-{copy}';
                CREATE UNIQUE INDEX temp.dir_old ON dir (old);
                INSERT INTO past SELECT p.id + {jobs}, p.job + {jobs}, p.attempt, p.class, p.outcome, p.exit,
                    p."end" + {micros}, p.age, p.held, p.ran, p.name, p.nodes, p.reason, p.array + {jobs}, p.task,
                    p.time_limit, coalesce(d.new, 0), p.spec, p.boot, p.script, p.environment, p.arguments, p.body, p.also, p.way
                    FROM past p LEFT JOIN dir d ON d.old = p.work_dir WHERE p.id <= {COPIED} ORDER BY p.id;
                INSERT INTO amendment SELECT id + {jobs}, body FROM amendment WHERE id <= {COPIED};
                INSERT INTO past_step (job, attempt, number, "end", age, ran, name, command, nodes, body)
                    SELECT job + {jobs}, attempt, number, "end" + {micros}, age, ran, name, command, nodes, body
                    FROM past_step WHERE job <= {COPIED};
                CREATE TEMP TABLE more AS SELECT kind, start + {minutes} AS start, charge, cpu, memory, node, extra, others
                    FROM first_usage;
                INSERT INTO usage SELECT * FROM temp.more WHERE true ON CONFLICT DO UPDATE SET cpu = cpu + excluded.cpu,
                    memory = memory + excluded.memory, node = node + excluded.node;
                INSERT INTO waited SELECT start + {minutes}, cpu FROM first_waited WHERE true
                    ON CONFLICT DO UPDATE SET cpu = cpu + excluded.cpu;
                DROP TABLE temp.more; DROP TABLE temp.dir; COMMIT;"#
            ))
            ?;
        eprintln!("{:>10} jobs copied after {:>5.0} s", jobs, start.elapsed().as_secs_f64());
    }
    connection
        .execute_batch(
            r#"BEGIN; DELETE FROM block;
            INSERT INTO block SELECT id / 1024, min("end" - age), min("end"), max("end") FROM past GROUP BY 1;
            DELETE FROM usage WHERE kind % 3 = 2;
            INSERT INTO usage SELECT kind + 1, strftime('%s', start * 60, 'unixepoch', 'start of month') / 60 AS month,
                charge, sum(cpu), sum(memory), sum(node), sum(extra), NULL FROM usage WHERE kind % 3 = 1 GROUP BY 1, 2, 3;
            COMMIT; PRAGMA wal_checkpoint(truncate);"#,
        )
}
