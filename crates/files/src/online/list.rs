//! What is in the bucket. The library's own list stops at the first key that is no clean path, and takes the slash from the
//! end of directory markers; here keys are as they are.

use super::Online;
use http_body_util::{BodyExt, Limited};
use hyper::Request;
use object_store::aws::AwsAuthorizer;
use object_store::client::HttpRequestBody;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// Largest page of a list.
const LARGEST_PAGE: usize = 32 << 20;
/// How often a page is asked for.
const TRIES: u32 = 4;

/// A file in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) size: u64,
    /// When it was put there, seconds since 1970.
    pub(crate) modified: i64,
    /// The MD5 of its content, if its tag is one.
    pub(crate) md5: Option<String>,
}

/// What is below a path in the bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Files, by their paths below it.
    pub(crate) files: BTreeMap<String, Listed>,
    /// Directories that have markers.
    pub(crate) directories: Vec<String>,
    /// Keys that cannot be paths.
    pub(crate) unfit: u64,
}

/// Why the bucket cannot be listed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoList {
    #[error("the store cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the store answers with status {0}")]
    Status(u16),
    #[error("the store's list cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    contents: Vec<Entry>,
    #[serde(default)]
    next_continuation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    size: u64,
    last_modified: String,
    #[serde(rename = "ETag")]
    tag: Option<String>,
}

impl Online {
    /// Lists what is below a path.
    pub(crate) async fn list(&self, below: &str) -> Result<Listing, NoList> {
        let prefix = format!("{below}/");
        let mut listing = Listing::default();
        let mut token: Option<String> = None;
        loop {
            let page = self.page(&prefix, token.as_deref()).await?;
            for entry in page.contents {
                listing.take(&prefix, entry);
            }
            match page.next_continuation_token.filter(|token| !token.is_empty()) {
                None => return Ok(listing),
                // A store that gives the same page for ever.
                next if next == token => return Err(NoList::Unreadable("the list has no end".into())),
                next => token = next,
            }
        }
    }

    async fn page(&self, prefix: &str, token: Option<&str>) -> Result<Page, NoList> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.try_page(prefix, token).await {
                Err(NoList::Unreachable(_) | NoList::Status(500..)) if tried < TRIES => {
                    tokio::time::sleep(Duration::from_millis(200) * 4_u32.pow(tried - 1)).await;
                }
                page => return page,
            }
        }
    }

    async fn try_page(&self, prefix: &str, token: Option<&str>) -> Result<Page, NoList> {
        let config = &self.config;
        let endpoint = config.endpoint.trim_end_matches('/');
        // In the order of their names, as they are signed.
        let mut uri = format!("{endpoint}/{}?", encoded(&config.bucket));
        if let Some(token) = token {
            // Writing to a string cannot fail.
            let _ = write!(uri, "continuation-token={}&", encoded(token));
        }
        let _ = write!(uri, "list-type=2&prefix={}", encoded(prefix));
        let request = Request::get(uri).body(HttpRequestBody::empty());
        let mut request = request.map_err(|error| NoList::Unreadable(error.into()))?;
        let authorizer = AwsAuthorizer::new(&self.credential, "s3", &config.region);
        authorizer.try_authorize(&mut request, None).map_err(|error| NoList::Unreadable(error.into()))?;
        let answer = self.client.execute(request).await.map_err(|error| NoList::Unreachable(error.into()))?;
        if !answer.status().is_success() {
            return Err(NoList::Status(answer.status().as_u16()));
        }
        let body =
            Limited::new(answer.into_body(), LARGEST_PAGE).collect().await.map_err(NoList::Unreachable)?;
        let text = body.to_bytes();
        let text = std::str::from_utf8(&text).map_err(|error| NoList::Unreadable(error.into()))?;
        quick_xml::de::from_str(text).map_err(|error| NoList::Unreadable(error.into()))
    }
}

impl Listing {
    fn take(&mut self, prefix: &str, entry: Entry) {
        let Some(path) = entry.key.strip_prefix(prefix) else {
            self.unfit += 1;
            return;
        };
        if path.is_empty() {
            // The marker of the directory itself.
            self.directories.push(String::new());
            return;
        }
        let (path, is_marker) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
        let modified = entry.last_modified.trim().parse::<jiff::Timestamp>();
        if !is_clean(path) {
            self.unfit += 1;
        } else if is_marker {
            self.directories.push(path.to_owned());
        } else {
            let tag = entry.tag.as_deref().unwrap_or_default().trim_matches('"');
            let is_md5 = tag.len() == 32 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
            let md5 = is_md5.then(|| tag.to_ascii_lowercase());
            // One without a time is as old as can be: it is fetched where nothing is there, or something else.
            let modified = modified.map_or(0, |time| time.as_second());
            self.files.insert(path.to_owned(), Listed { size: entry.size, modified, md5 });
        }
    }
}

/// Tells whether a path consists of names, none of which leads elsewhere.
pub(crate) fn is_clean(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|name| !matches!(name, "" | "." | "..") && name.len() <= 255)
}

/// Encodes a value of a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            // Writing to a string cannot fail.
            other => drop(write!(encoded, "%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_unclean_keys_counted() {
        let entry = |key: &str, tag: &str| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified>\
                 <ETag>{tag}</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        };
        let keys = ["u/p/a b", "u/p/d/", "u/p/", "u/p/../x", "u/p//y", "u/p/./z", "u/q", "u/p/\u{e9}&amp;#"];
        let entries: String =
            keys.iter().map(|key| entry(key, "\"0123456789ABCDEF0123456789abcdef\"")).collect();
        let text = format!(
            "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\"><Name>b</Name>{entries}{}<IsTruncated>true</IsTruncated>\
             <NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
            entry("u/p/parts", "\"0123456789abcdef0123456789abcdef-2\"")
        );
        let page: Page = quick_xml::de::from_str(&text).unwrap();
        assert_eq!(page.next_continuation_token.as_deref(), Some("t"));
        let mut listing = Listing::default();
        page.contents.into_iter().for_each(|entry| listing.take("u/p/", entry));
        assert_eq!(listing.files.keys().collect::<Vec<_>>(), ["a b", "parts", "\u{e9}&#"]);
        assert_eq!(
            (listing.directories.as_slice(), listing.unfit),
            (&["d".to_owned(), String::new()][..], 4)
        );
        let own = &listing.files["a b"];
        assert_eq!((own.size, own.modified), (7, 1_767_323_045));
        assert_eq!(own.md5.as_deref(), Some("0123456789abcdef0123456789abcdef"));
        assert_eq!(listing.files["parts"].md5, None);
        let empty: Page =
            quick_xml::de::from_str("<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>").unwrap();
        assert!(empty.contents.is_empty() && empty.next_continuation_token.is_none());
    }
}
