//! Documents of dialects: each in its place, safe once that is said, listed in order.

use domain::ports::Shelf;
use store::{Papers, Writer};

fn open(directory: &std::path::Path) -> (Writer, Papers) {
    let (writer, _) = store::open(directory, store::Options::default()).unwrap();
    let papers = Papers::open(&writer).unwrap();
    (writer, papers)
}

#[test]
fn documents_stay_in_their_places() {
    let place = tempfile::tempdir().unwrap();
    let (writer, papers) = open(place.path());
    papers.put("tools", "a", b"1").unwrap();
    papers.put("tools", "a", b"2").unwrap();
    papers.put("keys", "a", &[0, 255]).unwrap();
    assert!(papers.put_if("tools", "b", None, b"new").unwrap());
    assert!(!papers.put_if("tools", "b", None, b"again").unwrap());
    assert!(!papers.put_if("tools", "b", Some(b"other"), b"again").unwrap());
    assert!(papers.put_if("tools", "b", Some(b"new"), b"newer").unwrap());
    drop((writer, papers));
    let (_writer, papers) = open(place.path());
    assert_eq!(papers.get("tools", "a").unwrap().as_deref(), Some(&b"2"[..]));
    assert_eq!(papers.get("tools", "b").unwrap().as_deref(), Some(&b"newer"[..]));
    assert_eq!(papers.get("keys", "a").unwrap().as_deref(), Some(&[0, 255][..]));
    assert_eq!(papers.get("keys", "b").unwrap(), None);
    assert!(papers.remove("keys", "a").unwrap());
    assert!(!papers.remove("keys", "a").unwrap());
    assert_eq!(papers.get("keys", "a").unwrap(), None);
}

#[test]
fn names_are_listed_in_order_page_by_page() {
    let place = tempfile::tempdir().unwrap();
    let (_writer, papers) = open(place.path());
    for name in ["u/2", "u/10", "u/", "t", "v", "u/\u{e9}", "u0"] {
        papers.put("s", name, name.as_bytes()).unwrap();
    }
    papers.put("other", "u/3", b"").unwrap();
    let names = |prefix, after, most| -> Vec<String> {
        let listed = papers.list("s", prefix, after, most).unwrap();
        listed
            .into_iter()
            .map(|(name, document)| {
                assert_eq!(name.as_bytes(), document);
                name
            })
            .collect()
    };
    assert_eq!(names("u/", None, 99), ["u/", "u/10", "u/2", "u/\u{e9}"]);
    assert_eq!(names("u/", Some("u/10"), 1), ["u/2"]);
    assert_eq!(names("u/", Some("a"), 2), ["u/", "u/10"]);
    assert_eq!(names("u/", Some("z"), 2), [] as [&str; 0]);
    assert_eq!(names("", None, 2), ["t", "u/"]);
}
