//! Reads the compressed documents beside the tests.

use std::path::Path;

fn unpacked(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    zstd::decode_all(std::fs::read(path).unwrap().as_slice()).unwrap()
}

/// Returns a fixture as JSON.
pub(crate) fn document(name: &str) -> serde_json::Value {
    serde_json::from_slice(&unpacked(name)).unwrap()
}

/// Returns the lines of a fixture.
pub(crate) fn lines(name: &str) -> Vec<String> {
    String::from_utf8(unpacked(name)).unwrap().lines().map(str::to_owned).collect()
}

/// Returns the operation that a request was for: a fixed path goes before one with parameters.
pub(crate) fn operation(method: &str, path: &str) -> Option<&'static slurm_wire::operations::Operation> {
    let parts = |path: &'_ str| {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let asked = parts(path);
    let fits = |pattern: &str| {
        let pattern = parts(pattern);
        pattern.len() == asked.len()
            && pattern.iter().zip(&asked).all(|(known, part)| known.starts_with('{') || known == part)
    };
    slurm_wire::operations::ALL
        .iter()
        .filter(|operation| operation.method == method && fits(operation.path))
        .min_by_key(|operation| operation.path_parameters().count())
}
