//! The shell: order of checks, limits, connections.

use crate::harness::{Site, site};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const NO_PATH: &str = "Unable to find requested URL endpoint.";

async fn check(site: &Site, request: &str, status: u16, text: &str) {
    let request = request.replace("<TOKEN>", &Site::token("alice"));
    let reply = site.raw(request.as_bytes()).await;
    assert_eq!(reply.status, status, "{request}\n{reply:?}");
    assert!(reply.body.starts_with(text), "{request}\n{reply:?}");
    assert_eq!(reply.head.contains("Connection: Close"), status >= 400, "{request}\n{reply:?}");
    assert!(!reply.head.contains("\r\nDate"), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_turned_away_in_the_originals_order() {
    let site = site().await;
    let auth = "X-SLURM-USER-TOKEN: <TOKEN>\r\nConnection: close\r\n";
    let close = "Connection: close\r\n";
    let json = "Content-Type: application/json\r\n";
    for (line, headers, body, status, text) in [
        ("BREW /slurm/v0.0.44/ping", close, "", 405, "Invalid HTTP method"),
        ("GET /slurm/v0.0.44/nope", close, "", 401, "Authentication failure"),
        ("PUT /slurm/v0.0.44/ping", close, "", 401, "Authentication failure"),
        ("GET /slurm/v0.0.44/nope", auth, "", 404, NO_PATH),
        ("GET /slurm/v0.0.39/ping", auth, "", 404, NO_PATH),
        ("OPTIONS /slurm/v0.0.44/ping", auth, "", 404, NO_PATH),
        ("GET /slurm/v0.0.44/job/1,2", auth, "", 404, "Invalid or unknown URL path"),
        ("GET /slurm/v0.0.44/job/1+0", auth, "", 404, "Invalid or unknown URL path"),
        ("GET /slurm/v0.0.44/jobs?flags=%zz", auth, "", 500, "Unspecified error"),
        ("GET /slurm/v0.0.44/nodes?update_time=2026-01-01T00:00:00", auth, "", 500, "Unspecified error"),
        ("GET /slurm/v0.0.44/jobs?job_id=1,2", auth, "", 200, "{"),
        ("GET //slurm/./v0.0.44//p%69ng//", auth, "", 200, "{"),
        ("POST /slurm/v0.0.44/job/submit", &format!("{auth}{json}"), "null", 400, "Failure during parsing"),
        ("POST /slurm/v0.0.44/nope", &format!("{auth}{json}"), "{", 400, "Failure during parsing"),
        ("POST /slurm/v0.0.44/job/submit", auth, "{}", 500, "Unspecified error"),
        (
            "POST /slurm/v0.0.44/job/submit",
            &format!("{auth}Content-Type: application/json; charset=utf-8\r\n"),
            "{}",
            415,
            "MIME type is unknown to any loaded plugins",
        ),
        (
            "DELETE /slurm/v0.0.44/jobs?user_name=alice",
            &format!("{auth}{json}"),
            "{}",
            400,
            "Unexpected HTTP body provided when URL Query provided",
        ),
        ("GET /slurm/v0.0.44/ping", &format!("{auth}Accept: text/html\r\n"), "", 415, "HTTP Accept header"),
        ("GET /slurm/v0.0.44/nope", &format!("{auth}Accept: text/html\r\n"), "", 404, NO_PATH),
        ("GET /slurm/v0.0.44/ping", &format!("{auth}Accept: text/yaml\r\n"), "", 200, "%YAML 1.1"),
        ("GET /livez", close, "", 204, ""),
        ("GET /", close, "", 200, "Quintet test"),
        ("GET /metrics", close, "", 200, "# HELP quintet_info"),
    ] {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        check(&site, &format!("{line} HTTP/1.1\r\nHost: x\r\n{headers}{length}\r\n{body}"), status, text)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_get_clear_answers() {
    let site = site().await;
    let ping = "/slurm/v0.0.44/ping HTTP/1.1\r\nConnection: close\r\nX-SLURM-USER-TOKEN: <TOKEN>\r\n";
    check(&site, "GET / HTTP/3.7\r\n\r\n", 500, "Only HTTP version 1.1 requests are supported").await;
    check(&site, &format!("GET {ping}\r\n"), 200, "{").await;
    check(&site, &format!("GET {ping}\r\n").replace("HTTP/1.1", "HTTP/1.0"), 200, "{").await;
    check(&site, &format!("GET http://x{ping}\r\n"), 200, "{").await;
    let junk = "j".repeat(100_000);
    check(&site, &format!("GET {ping}X-Junk: {junk}\r\n\r\n"), 500, "Insane message length").await;
    let many: String = (0..300).map(|at| format!("X-J{at}: j\r\n")).collect();
    check(&site, &format!("GET {ping}{many}\r\n"), 200, "{").await;
    let chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    check(&site, &format!("POST {ping}{chunked}"), 406, "Invalid HTTP Tranfser-Encoding header").await;
    check(&site, &format!("POST {ping}Content-Length: 83886080\r\n\r\n"), 413, "HTTP Content-Length header")
        .await;
    let odd = format!("POST {ping}Content-Length: abc\r\n\r\n").replace("<TOKEN>", &Site::token("alice"));
    assert_eq!(site.raw(odd.as_bytes()).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_and_pipelined_until_an_error() {
    let site = site().await;
    let request =
        format!("GET /slurm/v0.0.44/ping HTTP/1.1\r\nX-SLURM-USER-TOKEN: {}\r\n\r\n", Site::token("alice"));
    let bad = request.replace("ping", "nope");
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(format!("{request}{request}{bad}{request}").as_bytes()).await.unwrap();
    let mut read = String::new();
    stream.read_to_string(&mut read).await.unwrap();
    assert_eq!(read.matches("HTTP/1.1 200 OK").count(), 2, "{read}");
    assert_eq!(read.matches("HTTP/1.1 404 Not Found").count(), 1, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_lets_open_requests_end_and_idle_connections_go() {
    let mut site = site().await;
    let _idle = TcpStream::connect(site.address).await.unwrap();
    let request =
        format!("GET /slurm/v0.0.44/ping HTTP/1.1\r\nX-SLURM-USER-TOKEN: {}\r\n\r\n", Site::token("alice"));
    let mut kept = TcpStream::connect(site.address).await.unwrap();
    kept.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    kept.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    site.stop().await;
    assert!(TcpStream::connect(site.address).await.is_err());
}
