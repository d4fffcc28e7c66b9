//! Signatures as a foreign signer and several clients make them, and everything that can be wrong with one.

use super::*;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use hyper::header::HeaderValue;
use std::time::UNIX_EPOCH;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

struct Client {
    access_key: String,
    secret: String,
    region: &'static str,
    service: &'static str,
    at: Timestamp,
    /// Encodes the path once more, as most services have it.
    twice: bool,
    sends_hash: bool,
}

fn keys() -> NifcloudKeys {
    NifcloudKeys::new(&[7; 32]).unwrap()
}

fn rules() -> SignatureRules {
    SignatureRules {
        region: "jp-east-1".to_owned(),
        services: vec!["hpc-api".to_owned(), "hpc".to_owned()],
        clock_skew: Duration::from_secs(900),
        unsigned_bodies: false,
    }
}

fn client() -> Client {
    let (access_key, secret) = keys().mint("alice", NOW, Duration::from_secs(3600)).unwrap();
    let at = NOW;
    Client {
        access_key,
        secret,
        region: "jp-east-1",
        service: "hpc-api",
        at,
        twice: false,
        sends_hash: false,
    }
}

impl Client {
    /// Signs with the signer of AWS's own client; the headers are what is sent.
    fn sign(&self, method: &str, uri: &str, extra: &[(&str, &str)], body: &[u8]) -> HeaderMap {
        let identity = Credentials::new(&self.access_key, &self.secret, None, None, "test").into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::Headers;
        settings.percent_encoding_mode =
            if self.twice { PercentEncodingMode::Double } else { PercentEncodingMode::Single };
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        if self.sends_hash {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let at = UNIX_EPOCH + Duration::from_micros(self.at.micros().unsigned_abs());
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(at)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let headers: Vec<(&str, &str)> =
            [("host", "x.example")].into_iter().chain(extra.iter().copied()).collect();
        let url = format!("http://x.example{uri}");
        let request =
            SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let mut map = HeaderMap::new();
        for (name, value) in headers.into_iter().chain(instructions.headers()) {
            map.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        map
    }
}

fn judged(method: &str, uri: &str, headers: &HeaderMap, body: &[u8]) -> Result<String, NifcloudError> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let received = Received { method, path, query, headers, body };
    signer(&keys(), &rules(), &received, NOW).map(|signer| signer.user)
}

/// Signs by hand, so that every part can be another one.
fn by_hand(client: &Client, canonical: &str, signed: &str, scope: [&str; 4], date: &str) -> String {
    let digest = hex(&Sha256::digest(canonical.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{}\n{digest}", scope.join("/"));
    let signature = hex(&mac(&signing_key(&client.secret, scope), to_sign.as_bytes()));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={signed},Signature={signature}",
        client.access_key,
        scope.join("/")
    )
}

#[test]
fn the_published_example_has_its_signature() {
    // The request "get-vanilla" of AWS's signing test suite.
    let canonical = format!(
        "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n{}",
        hex(&Sha256::digest(b""))
    );
    let scope = ["20150830", "us-east-1", "service", "aws4_request"];
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n20150830T123600Z\n{}\n{}",
        scope.join("/"),
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", scope);
    let signature = hex(&mac(&key, to_sign.as_bytes()));
    assert_eq!(signature, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

#[test]
fn what_a_foreign_signer_signs_is_right() {
    let json = [("content-type", "application/json")];
    for (method, uri, extra, body) in [
        ("GET", "/jobs", &[][..], &b""[..]),
        ("GET", "/jobs/", &[], b""),
        ("DELETE", "/jobs/12", &[], b""),
        ("GET", "/jobs?b=2&a=1&a=0&c", &[], b""),
        ("GET", "/jobs/%E3%81%82%20b?x=%2F%20~", &[], b""),
        ("POST", "/jobs", &json, b"{\"jobfile\":\"a\"}"),
        ("POST", "/files/sync", &[("content-type", "a  b\t c "), ("x-amz-security-token", "t")], b"x"),
    ] {
        for twice in [false, true] {
            for sends_hash in [false, true] {
                let client = Client { twice, sends_hash, ..client() };
                let headers = client.sign(method, uri, extra, body);
                assert_eq!(
                    judged(method, uri, &headers, body).as_deref(),
                    Ok("alice"),
                    "{method} {uri} {twice}"
                );
            }
        }
    }
    let other = Client { service: "hpc", ..client() };
    assert!(judged("GET", "/jobs", &other.sign("GET", "/jobs", &[], b""), b"").is_ok());
}

#[test]
fn habits_of_clients_are_known() {
    let client = client();
    let written = "20270115T080000Z";
    let scope = ["20270115", "jp-east-1", "hpc-api", "aws4_request"];
    let empty = hex(&Sha256::digest(b""));
    let headers = |host: &str, authorization: String| {
        let mut map = HeaderMap::new();
        map.insert(HOST, HeaderValue::from_str(host).unwrap());
        map.insert(AMZ_DATE, HeaderValue::from_static(written));
        map.insert(AUTHORIZATION, HeaderValue::from_str(&authorization).unwrap());
        map
    };
    // The query as it was sent, the host without its port, and a hash that is sent and not signed.
    for (query, host) in [("b=2&a=1", "x:8080"), ("b=2&a=1", "x"), ("b=%7e", "x:8080"), ("", "x")] {
        let canonical =
            format!("GET\n/jobs\n{query}\nhost:{host}\nx-amz-date:{written}\n\nhost;x-amz-date\n{empty}");
        let authorization = by_hand(&client, &canonical, "host;x-amz-date", scope, written);
        let mut map = headers("x:8080", authorization);
        if host == "x:8080" {
            map.insert(BODY_HASH, HeaderValue::from_str(&empty).unwrap());
        } else {
            map.insert(HOST, HeaderValue::from_static("x:8080"));
        }
        assert_eq!(
            judged("GET", &format!("/jobs?{query}"), &map, b"").as_deref(),
            Ok("alice"),
            "{query} {host}"
        );
    }
    // A signed Date in place of X-Amz-Date.
    let date = "Fri, 15 Jan 2027 08:00:00 GMT";
    let canonical = format!("GET\n/jobs\n\ndate:{date}\nhost:x\n\ndate;host\n{empty}");
    let mut map = headers("x", by_hand(&client, &canonical, "date;host", scope, written));
    map.remove(AMZ_DATE);
    assert_eq!(judged("GET", "/jobs", &map, b""), Err(NifcloudError::NoSignature));
    map.insert(DATE, HeaderValue::from_static(date));
    assert_eq!(judged("GET", "/jobs", &map, b"").as_deref(), Ok("alice"));
}

#[test]
fn clocks_may_differ_by_a_quarter_of_an_hour() {
    for (seconds, fine) in [(0, true), (899, true), (-899, true), (1200, false), (-1200, false)] {
        let at = Timestamp::from_seconds(NOW.seconds() + seconds);
        let headers = Client { at, ..client() }.sign("GET", "/jobs", &[], b"");
        let wanted = if fine { Ok("alice".to_owned()) } else { Err(NifcloudError::Expired) };
        assert_eq!(judged("GET", "/jobs", &headers, b""), wanted, "{seconds}");
    }
}

#[test]
fn whatever_is_wrong_has_the_same_answer() {
    let wrong = Err(NifcloudError::Permission);
    let (other, secret) =
        NifcloudKeys::new(&[8; 32]).unwrap().mint("alice", NOW, Duration::from_secs(60)).unwrap();
    for (name, client) in [
        ("region", Client { region: "jp-east-2", ..client() }),
        ("service", Client { service: "s3", ..client() }),
        ("secret", Client { secret: "x".repeat(40), ..client() }),
        ("access key", Client { access_key: other, secret, ..client() }),
        ("published key", Client { access_key: "AKIDEXAMPLE".to_owned(), ..client() }),
    ] {
        assert_eq!(judged("GET", "/jobs", &client.sign("GET", "/jobs", &[], b""), b""), wrong, "{name}");
    }
    let json = [("content-type", "application/json")];
    let headers = || client().sign("POST", "/jobs", &json, b"{}");
    assert!(judged("POST", "/jobs", &headers(), b"{}").is_ok());
    assert_eq!(judged("POST", "/jobs", &headers(), b"{ }"), wrong, "body");
    assert_eq!(judged("PUT", "/jobs", &headers(), b"{}"), wrong, "method");
    assert_eq!(judged("POST", "/jobs/1", &headers(), b"{}"), wrong, "path");
    assert_eq!(judged("POST", "/jobs?a", &headers(), b"{}"), wrong, "query");
    let check = |name: &str, change: &dyn Fn(&mut HeaderMap)| {
        let mut headers = headers();
        change(&mut headers);
        assert_eq!(judged("POST", "/jobs", &headers, b"{}"), wrong, "{name}");
    };
    let value = HeaderValue::from_static;
    check("a signed header is gone", &|headers| drop(headers.remove("content-type")));
    check("a signed header is there twice", &|headers| {
        headers.append("content-type", value("text/plain"));
    });
    check("two hosts", &|headers| {
        headers.append(HOST, value("x.example"));
    });
    check("two dates", &|headers| {
        headers.append(AMZ_DATE, value("20270115T080000Z"));
    });
    check("two authorizations", &|headers| {
        headers.append(AUTHORIZATION, value("AWS4-HMAC-SHA256 x"));
    });
    check("another host", &|headers| drop(headers.insert(HOST, value("y.example"))));
    check("a date that is none", &|headers| drop(headers.insert(AMZ_DATE, value("2027-01-15"))));
    check("another hash", &|headers| drop(headers.insert(BODY_HASH, value("00"))));
    check("a body that was not signed", &|headers| drop(headers.insert(BODY_HASH, value(UNSIGNED))));
    check("a stream", &|headers| {
        drop(headers.insert(BODY_HASH, value("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")))
    });
    // A scope of another day, signed rightly for it.
    let (client, written) = (client(), "20270115T080000Z");
    let canonical = format!(
        "GET\n/jobs\n\nhost:x\nx-amz-date:{written}\n\nhost;x-amz-date\n{}",
        hex(&Sha256::digest(b""))
    );
    for (scope, signed) in [
        (["20270114", "jp-east-1", "hpc-api", "aws4_request"], "host;x-amz-date"),
        (["20270115", "jp-east-1", "hpc-api", "aws4"], "host;x-amz-date"),
        (["20270115", "jp-east-1", "hpc-api", "aws4_request"], "x-amz-date"),
        (["20270115", "jp-east-1", "hpc-api", "aws4_request"], "host"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, value("x"));
        headers.insert(AMZ_DATE, value(written));
        let authorization = by_hand(&client, &canonical, signed, scope, written);
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&authorization).unwrap());
        assert_eq!(judged("GET", "/jobs", &headers, b""), wrong, "{scope:?} {signed}");
    }
}

#[test]
fn a_key_is_known_before_the_signature_is_judged() {
    let headers = |authorization: &str| {
        let mut map = HeaderMap::new();
        map.insert(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        map
    };
    let named = |access_key: &str| {
        let rest = "20270115/r/s/aws4_request, SignedHeaders=host, Signature=0";
        headers(&format!("AWS4-HMAC-SHA256 Credential={access_key}/{rest}"))
    };
    let key = client().access_key;
    assert!(names_key(&keys(), &named(&key), NOW));
    assert!(!names_key(&keys(), &named(&key), NOW.after(Duration::from_secs(3600))));
    let mut twice = named(&key);
    twice.append(AUTHORIZATION, HeaderValue::from_static("x"));
    for other in [named("AKIDEXAMPLE"), headers("Basic YTpi"), HeaderMap::new(), twice] {
        assert!(!names_key(&keys(), &other, NOW));
    }
}

#[test]
fn bodies_need_not_be_signed_where_that_is_allowed() {
    let (client, written) = (client(), "20270115T080000Z");
    let canonical =
        format!("POST\n/jobs\n\nhost:x\nx-amz-date:{written}\n\nhost;x-amz-date\nUNSIGNED-PAYLOAD");
    let scope = ["20270115", "jp-east-1", "hpc-api", "aws4_request"];
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("x"));
    headers.insert(AMZ_DATE, HeaderValue::from_static(written));
    headers.insert(BODY_HASH, HeaderValue::from_static(UNSIGNED));
    let authorization = by_hand(&client, &canonical, "host;x-amz-date", scope, written);
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&authorization).unwrap());
    let received = Received { method: "POST", path: "/jobs", query: "", headers: &headers, body: b"{}" };
    let rules = SignatureRules { unsigned_bodies: true, ..rules() };
    let signed = Signer { user: "alice".to_owned(), access_key: &client.access_key };
    assert_eq!(signer(&keys(), &rules, &received, NOW), Ok(signed));
    assert_eq!(judged("POST", "/jobs", &headers, b"{}"), Err(NifcloudError::Permission));
}
