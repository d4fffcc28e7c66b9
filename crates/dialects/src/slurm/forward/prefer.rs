//! What a client would rather have (RFC 7240), as far as it is heeded here: how long to wait for an answer.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Which preferences were heeded.
pub(super) const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Returns how long a client would rather wait than be refused, as far as that is allowed. What cannot be read is as if it
/// were not there, and of several the first counts (section 2).
pub(super) fn wait(headers: &HeaderMap, longest: Duration) -> Option<Duration> {
    let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let seconds = values.flat_map(|value| value.split(',')).find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"'))
    })?;
    let is_number = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is too long to be read is one of years.
    let wait = is_number.then(|| Duration::from_secs(seconds.parse().unwrap_or(u64::from(u32::MAX))))?;
    Some(wait.min(Duration::from_secs(longest.as_secs()))).filter(|wait| !wait.is_zero())
}

/// Says how long it was waited for at most.
pub(super) fn applied(wait: Duration) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("wait={}", wait.as_secs())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_read_as_the_standard_writes_it() {
        for (values, wanted) in [
            (&["wait=10"][..], Some(10)),
            (&["respond-async, wait=10"], Some(10)),
            (&["respond-async", "Wait = \"7\" ; x=1"], Some(7)),
            (&["wait=5, wait=9"], Some(5)),
            (&["wait=100000"], Some(60)),
            (&["wait=99999999999999999999999"], Some(60)),
            (&["wait=0"], None),
            (&["wait=-1"], None),
            (&["wait=abc"], None),
            (&["wait"], None),
            (&["return=minimal"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(PREFER, HeaderValue::from_static(value));
            }
            let longest = Duration::from_secs(60);
            assert_eq!(wait(&headers, longest), wanted.map(Duration::from_secs), "{values:?}");
            assert_eq!(wait(&headers, Duration::ZERO), None);
        }
        assert_eq!(applied(Duration::from_secs(5)).unwrap(), "wait=5");
    }
}
