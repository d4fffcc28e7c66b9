//! How the command line talks with the service: over REST, like everybody else. No back door.

mod error;
mod events;
mod place;

pub(crate) use error::ClientError;
pub(crate) use events::{Event, EventStream};
pub(crate) use place::{ADDRESS_FILE, ClientArgs, STATE_VARIABLE, now, present_user};

use crate::jobs::path_part;
use reqwest::{Method, Response, StatusCode};
use slurm_wire::{Wire, parse_reply};
use std::time::Duration;

/// Where Slurm's part of the interface begins.
pub(crate) const SLURM: &str = "/slurm/v0.0.44";
/// Where the accounting of Slurm's part begins.
const SLURMDB: &str = "/slurmdb/v0.0.44";
/// Where Quintet's own part begins.
pub(crate) const NATIVE: &str = "/quintet/v1";

/// A connection to the service, with a credential.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    base: String,
    token: Option<String>,
    /// Whom the token names, if that is known here.
    user: Option<String>,
    /// Submissions only ask when the job would start.
    only_asks: bool,
    http: reqwest::Client,
}

/// An answer: its text as received, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Answer<T> {
    /// The text.
    pub(crate) text: String,
    /// What it says.
    pub(crate) value: T,
}

impl Client {
    /// Finds the service and a credential for it, as arguments and environment say. Nothing is sent yet.
    pub(crate) fn open(args: &ClientArgs) -> Result<Self, ClientError> {
        let base = args.address();
        let (token, user) = args.token();
        Ok(Client { user, ..Self::new(base, token)? })
    }

    /// Makes a client of the service at `base`.
    pub(crate) fn new(base: String, token: Option<String>) -> Result<Self, ClientError> {
        // No time-out for the whole answer: logs and events are followed for as long as a job runs.
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).no_proxy().build();
        let http = http.map_err(|source| ClientError::Unreachable { base: base.clone(), source })?;
        Ok(Client { base: base.trim_end_matches('/').to_owned(), token, user: None, only_asks: false, http })
    }

    /// Returns a client whose submissions submit nothing: they ask when the job would start.
    pub(crate) fn only_asking(&self) -> Self {
        Client { only_asks: true, ..self.clone() }
    }

    /// Returns the name of the user in whose name is asked.
    pub(crate) async fn user(&self) -> Result<String, ClientError> {
        match &self.user {
            Some(user) => Ok(user.clone()),
            None => Ok(self.native::<Caller>(Method::GET, "/whoami", &[], None).await?.value.name),
        }
    }

    /// Returns the address of the service.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Tells whether the service is on this machine, as far as its address tells.
    pub(crate) fn is_on_this_machine(&self) -> bool {
        let Ok(url) = reqwest::Url::parse(&self.base) else { return false };
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }

    /// Sends a request and returns the answer if it was a success.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<Vec<u8>>,
    ) -> Result<Response, ClientError> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if !query.is_empty() {
            request = request.query(query);
        }
        if let Some(token) = &self.token {
            request = request.header("X-SLURM-USER-TOKEN", token);
        }
        if self.only_asks {
            request = request.header("X-Test-Only", "true");
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let unreachable = |source| ClientError::Unreachable { base: self.base.clone(), source };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.unwrap_or_default();
        Err(self.refused(status, &text))
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn text(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<Vec<u8>>,
    ) -> Result<String, ClientError> {
        let response = self.send(method, path, query, body).await?;
        response.text().await.map_err(|source| ClientError::Unreachable { base: self.base.clone(), source })
    }

    /// Asks Slurm's part of the interface and reads the answer. Errors in an answer of status 200 are errors too.
    pub(crate) async fn slurm<T: Wire + Default>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer<T>, ClientError> {
        let text = self.text(method, &format!("{SLURM}{path}"), query, body).await?;
        self.read_slurm(path, text)
    }

    /// Asks the accounting of Slurm's part and reads the answer. The names of some parameters have blanks in them.
    pub(crate) async fn accounting<T: Wire + Default>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Answer<T>, ClientError> {
        let pair = |(name, value): &(&str, String)| format!("{}={}", path_part(name), path_part(value));
        let query = query.iter().map(pair).collect::<Vec<_>>().join("&");
        let text = self.text(Method::GET, &format!("{SLURMDB}{path}?{query}"), &[], None).await?;
        self.read_slurm(path, text)
    }

    fn read_slurm<T: Wire + Default>(&self, path: &str, text: String) -> Result<Answer<T>, ClientError> {
        let entries = error::entries(&text);
        if !entries.is_empty() {
            return Err(self.refused(StatusCode::OK, &text));
        }
        let value = {
            let document =
                slurm_wire::json::parse(&text).map_err(|_| ClientError::Garbled { path: path.to_owned() })?;
            parse_reply(&document)
        };
        Ok(Answer { text, value })
    }

    /// Asks Quintet's own part of the interface and reads the answer.
    pub(crate) async fn native<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer<T>, ClientError> {
        let text = self.text(method, &format!("{NATIVE}{path}"), query, body).await?;
        let value =
            serde_json::from_str(&text).map_err(|_| ClientError::Garbled { path: path.to_owned() })?;
        Ok(Answer { text, value })
    }

    fn refused(&self, status: StatusCode, text: &str) -> ClientError {
        let entries = error::entries(text);
        let unauthenticated =
            matches!(status.as_u16(), 401 | 511) || entries.iter().any(|entry| entry.number == 1007);
        if unauthenticated {
            return ClientError::Unauthenticated { base: self.base.clone(), had_token: self.token.is_some() };
        }
        ClientError::Refused { status: status.as_u16(), why: error::told(status, text, &entries), entries }
    }
}

/// Who asks, as the service sees it.
#[derive(serde::Deserialize)]
struct Caller {
    name: String,
}
