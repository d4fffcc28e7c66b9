//! The bucket in the object store.

mod list;
mod wire;

pub(crate) use list::{Listed, Listing, is_clean};

use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::client::HttpClient;
use object_store::{BackoffConfig, RetryConfig};
use std::sync::Arc;
use std::time::Duration;
use wire::Wire;

/// Which bucket it is, and how to get at it.
#[derive(Clone, PartialEq, Eq)]
pub struct OnlineConfig {
    /// Where the store is: `https://HOST[:PORT]`, or `http://` where that will do.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The region for which requests are signed.
    pub region: String,
    /// The access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// What keys begin with; `{user}` stands for a user's name.
    pub prefix: String,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OnlineError {
    /// The machine's certificates cannot be read.
    #[error("read the certificates this machine trusts")]
    Certificates(#[source] std::io::Error),
    /// The configuration makes no sense.
    #[error("use the object store")]
    Store(#[source] object_store::Error),
}

/// The bucket.
#[derive(Clone)]
pub struct Online {
    pub(crate) store: Arc<AmazonS3>,
    client: HttpClient,
    credential: Arc<AwsCredential>,
    config: Arc<OnlineConfig>,
}

impl Online {
    /// Gets ready to use a bucket; nothing is asked of it yet.
    ///
    /// # Errors
    /// If the configuration makes no sense.
    pub fn new(config: OnlineConfig) -> Result<Self, OnlineError> {
        let wire = Wire::new().map_err(OnlineError::Certificates)?;
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 5,
            retry_timeout: Duration::from_secs(120),
        };
        let store = AmazonS3Builder::new()
            .with_endpoint(config.endpoint.trim_end_matches('/'))
            .with_bucket_name(&config.bucket)
            .with_region(&config.region)
            .with_access_key_id(&config.access_key)
            .with_secret_access_key(&config.secret_key)
            .with_virtual_hosted_style_request(false)
            .with_allow_http(true)
            .with_retry(retry)
            .with_http_connector(wire.clone())
            .build()
            .map_err(OnlineError::Store)?;
        let credential = AwsCredential {
            key_id: config.access_key.clone(),
            secret_key: config.secret_key.clone(),
            token: None,
        };
        Ok(Online {
            store: Arc::new(store),
            client: wire.client(),
            credential: Arc::new(credential),
            config: Arc::new(config),
        })
    }

    /// Returns the key of a user's path, without a slash at its end.
    pub(crate) fn key(&self, user: &str, path: &str) -> String {
        format!("{}{path}", self.config.prefix.replace("{user}", user))
    }
}
