//! What the original understood of odd values, seen on the jobs that it made of them.

use jiff::Zoned;
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::{NoVal, Report, Stop, json, parse};

fn job(body: &str) -> Result<JobDescMsg, Stop> {
    let now: Zoned = "2026-11-21T10:00:00+00:00[UTC]".parse().unwrap();
    parse(&json::parse(body).unwrap(), &mut Report::new(now))
}

fn time_limit(value: &str) -> Option<NoVal<u32>> {
    job(&format!("{{\"time_limit\":{value}}}")).unwrap().time_limit
}

#[test]
fn triples_mean_what_they_meant() {
    for (value, limit) in [
        ("5", Some(NoVal::Set(5))),
        ("\"5\"", Some(NoVal::Set(5))),
        ("\" 5\"", Some(NoVal::Set(5))),
        ("\"0x5\"", Some(NoVal::Set(5))),
        ("1.9", Some(NoVal::Set(1))),
        ("0", Some(NoVal::Set(0))),
        (r#"{"set":true,"number":5}"#, Some(NoVal::Set(5))),
        (r#"{"set":"true","number":5}"#, Some(NoVal::Set(5))),
        (r#"{"set":true}"#, Some(NoVal::Set(0))),
        (r#"{"number":5}"#, Some(NoVal::Unset)),
        (r#"{"set":false,"number":5}"#, Some(NoVal::Unset)),
        ("{}", Some(NoVal::Unset)),
        (r#"{"set":true,"infinite":true,"number":5}"#, Some(NoVal::Infinite)),
        (r#"{"infinite":true}"#, Some(NoVal::Infinite)),
        ("-1", Some(NoVal::Infinite)),
        ("-2", Some(NoVal::Unset)),
        ("-3", Some(NoVal::Infinite)),
        ("4294967293", Some(NoVal::Set(4_294_967_293))),
        ("4294967294", Some(NoVal::Infinite)),
        ("4294967296", Some(NoVal::Infinite)),
        ("null", None),
    ] {
        assert_eq!(time_limit(value), limit, "{value}");
    }
}

#[test]
fn numbers_wrap_or_saturate_as_they_did() {
    let cpus = |value: &str| job(&format!("{{\"cpus_per_task\":{value}}}")).unwrap().cpus_per_task;
    assert_eq!([cpus("70000"), cpus("-1"), cpus("\"2\"")], [Some(4464), Some(65_535), Some(2)]);
    let tasks = |value: &str| job(&format!("{{\"tasks\":{value}}}")).unwrap().tasks;
    assert_eq!(tasks("2147483648"), Some(2_147_483_648));
    assert_eq!([tasks("99999999999"), tasks("-1")], [Some(u32::MAX), Some(u32::MAX)]);
    let delay = |value: &str| job(&format!("{{\"segment_size\":{value}}}")).unwrap().segment_size;
    assert_eq!([delay("70000"), delay("65535")], [Some(NoVal::Set(4464)), Some(NoVal::Infinite)]);
}

#[test]
fn truth_is_read_from_words_and_numbers() {
    for (value, truth) in [
        ("\"maybe\"", Some(true)),
        ("\"nope\"", Some(true)),
        ("\"t\"", Some(true)),
        ("\"on\"", Some(true)),
        ("\" \"", Some(true)),
        ("1.5", Some(true)),
        ("2", Some(true)),
        ("\"FALSE\"", Some(false)),
        ("\"No\"", Some(false)),
        ("\"f\"", Some(false)),
        ("\"off\"", Some(false)),
        ("\"00\"", Some(false)),
        ("\"0.0\"", Some(false)),
        ("\"\"", Some(false)),
        ("0.0", Some(false)),
        ("null", None),
    ] {
        assert_eq!(job(&format!("{{\"contiguous\":{value}}}")).unwrap().contiguous, truth, "{value}");
    }
}

#[test]
fn texts_are_made_of_scalars_alone() {
    let name = |value: &str| job(&format!("{{\"name\":{value}}}")).map(|job| job.name.map(String::from));
    assert_eq!(name("1.5"), Ok(Some("1.500000".into())));
    assert_eq!(name("true"), Ok(Some("true".into())));
    assert_eq!(name("5"), Ok(Some("5".into())));
    assert_eq!(name("\"a\\u0000b\""), Ok(Some("a".into())));
    assert_eq!(name("null"), Ok(None));
    assert_eq!(name("{}"), Err(Stop));
}

#[test]
fn lists_come_in_many_forms() {
    let required = |value: &str| {
        job(&format!("{{\"required_nodes\":{value}}}")).unwrap().required_nodes.map(|nodes| nodes.joined())
    };
    assert_eq!(required("[\"n1,n2\"]").as_deref(), Some("n1,n2"));
    assert_eq!(required("[\"n[1\",\"2]\"]").as_deref(), Some("n[1,2]"));
    assert_eq!(required("\"n[1,2],m\"").as_deref(), Some("n[1,2],m"));
    assert_eq!(required("null"), None);
    let environment = job(r#"{"environment":{"A":"B","C":1}}"#).unwrap().environment.unwrap();
    assert_eq!(environment.0, ["A=B", "C=1"]);
}

#[test]
fn times_and_memory_have_units() {
    let desc = job(r#"{"begin_time":"now+1hour","deadline":"2026-12-01T00:00:00","memory_per_node":"1025K","memory_per_cpu":"2G"}"#).unwrap();
    assert_eq!(desc.begin_time.unwrap().number(), Some(1_795_258_800));
    assert_eq!(desc.deadline.unwrap().0, 1_796_083_200);
    assert_eq!(desc.memory_per_node.unwrap().number(), Some(2));
    assert_eq!(desc.memory_per_cpu.unwrap().number(), Some(2048));
}
