//! As whom the cluster is asked: with the caller's own token, with one made from the site's key, or with a service's
//! token and the user's name.

use super::trouble::Trouble;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const USER_NAME: HeaderName = HeaderName::from_static("x-slurm-user-name");
const USER_TOKEN: HeaderName = HeaderName::from_static("x-slurm-user-token");
/// How long a token that is made for one request holds: as long as slurmctld may take to look at it.
const LIFESPAN: Duration = Duration::from_secs(300);
/// How often the service's token is read again: who renews it expects that it is used.
const REREAD: Duration = Duration::from_secs(10);
/// The longest token.
const LONGEST: u64 = 16 << 10;

/// How this service shows itself to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Callers' own tokens are passed on.
    Caller,
    /// Tokens are made from the site's key.
    Key {
        /// Its raw bytes.
        key: Vec<u8>,
        /// The user that the service itself asks as.
        user: String,
    },
    /// One token of SlurmUser or root, which may speak for others, from a file.
    Service {
        /// The file.
        file: PathBuf,
        /// Whose it is.
        user: String,
    },
}

/// As whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum As {
    /// Whoever this token is of, in the name given beside it.
    Bearer {
        /// The token.
        token: String,
        /// The name, if one was given.
        name: Option<String>,
    },
    /// This user, whom somebody here has made sure of.
    User(String),
    /// The service itself.
    Service,
}

#[derive(Serialize)]
struct Claims<'a> {
    exp: u64,
    iat: u64,
    sun: &'a str,
}

/// Makes the headers by which the cluster knows who asks.
pub(super) struct Credentials {
    identity: Identity,
    read: Mutex<Option<(Instant, String)>>,
}

impl Credentials {
    pub(super) fn new(identity: Identity) -> Self {
        Credentials { identity, read: Mutex::default() }
    }

    /// Returns the headers for somebody.
    pub(super) async fn headers(&self, who: &As) -> Result<HeaderMap, Trouble> {
        match (who, &self.identity) {
            (As::Bearer { token, name }, _) => headers(token, name.as_deref()),
            (As::User(user), Identity::Key { key, .. }) => headers(&made(key, user)?, Some(user)),
            (As::Service, Identity::Key { key, user }) => headers(&made(key, user)?, Some(user)),
            (As::User(user), Identity::Service { file, .. }) => {
                headers(&self.of_file(file).await?, Some(user))
            }
            (As::Service, Identity::Service { file, user }) => {
                headers(&self.of_file(file).await?, Some(user))
            }
            (As::User(_) | As::Service, Identity::Caller) => {
                Err(Trouble::NoIdentity("callers' own tokens only are passed on".to_owned()))
            }
        }
    }

    async fn of_file(&self, file: &PathBuf) -> Result<String, Trouble> {
        let known = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, token)) = &known
            && at.elapsed() < REREAD
        {
            return Ok(token.clone());
        }
        let read = async {
            if tokio::fs::metadata(file).await?.len() > LONGEST {
                return Err(std::io::Error::other("it is too long to be a token"));
            }
            tokio::fs::read_to_string(file).await
        };
        match read.await {
            Ok(text) => {
                // `scontrol token` prints it behind the name of a variable.
                let token = text.trim();
                let token = token.strip_prefix("SLURM_JWT=").unwrap_or(token).to_owned();
                let known = Some((Instant::now(), token.clone()));
                *self.read.lock().unwrap_or_else(PoisonError::into_inner) = known;
                Ok(token)
            }
            Err(error) => Err(Trouble::NoIdentity(format!("read {}: {error}", file.display()))),
        }
    }
}

fn headers(token: &str, name: Option<&str>) -> Result<HeaderMap, Trouble> {
    let unfit = |_| Trouble::NoIdentity("it cannot be written in a header".to_owned());
    let mut headers = HeaderMap::new();
    let mut token = HeaderValue::from_str(token).map_err(unfit)?;
    token.set_sensitive(true);
    headers.insert(USER_TOKEN, token);
    if let Some(name) = name {
        headers.insert(USER_NAME, HeaderValue::from_str(name).map_err(unfit)?);
    }
    Ok(headers)
}

/// Makes a token for a user, as `scontrol token` would.
fn made(key: &[u8], user: &str) -> Result<String, Trouble> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Claims { exp: now + LIFESPAN.as_secs(), iat: now, sun: user };
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(key))
        .map_err(|error| Trouble::NoIdentity(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(headers: &HeaderMap) -> (String, Option<String>) {
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap().to_owned());
        (text(USER_TOKEN).unwrap(), text(USER_NAME))
    }

    #[tokio::test]
    async fn each_identity_has_its_headers() {
        let bearer = As::Bearer { token: "t".to_owned(), name: None };
        let alice = As::User("alice".to_owned());
        let caller = Credentials::new(Identity::Caller);
        assert_eq!(shown(&caller.headers(&bearer).await.unwrap()), ("t".to_owned(), None));
        assert!(matches!(caller.headers(&alice).await, Err(Trouble::NoIdentity(_))));
        assert!(matches!(caller.headers(&As::Service).await, Err(Trouble::NoIdentity(_))));

        let key = Credentials::new(Identity::Key { key: vec![7; 32], user: "slurm".to_owned() });
        let (token, name) = shown(&key.headers(&alice).await.unwrap());
        assert_eq!((token.split('.').count(), name.as_deref()), (3, Some("alice")));
        assert_eq!(shown(&key.headers(&As::Service).await.unwrap()).1.as_deref(), Some("slurm"));
        assert_eq!(shown(&key.headers(&bearer).await.unwrap()), ("t".to_owned(), None));

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let identity = Identity::Service { file: file.clone(), user: "slurm".to_owned() };
        let service = Credentials::new(identity);
        assert!(matches!(service.headers(&alice).await, Err(Trouble::NoIdentity(_))));
        std::fs::write(&file, "SLURM_JWT=abc\n").unwrap();
        let asked = shown(&service.headers(&alice).await.unwrap());
        assert_eq!(asked, ("abc".to_owned(), Some("alice".to_owned())));
        let bad = As::User("al\nice".to_owned());
        assert!(matches!(service.headers(&bad).await, Err(Trouble::NoIdentity(_))));
    }
}
