//! One request, after it is known what is asked and by whom.

use super::error::NativeError;
use super::parameters::Parameters;
use crate::site::Site;
use domain::who::Principal;
use hyper::HeaderMap;
use std::sync::Arc;

/// A request.
pub(super) struct Call<'a> {
    pub(super) site: &'a Arc<Site>,
    /// Who asks.
    pub(super) by: Principal,
    /// What stands in the path's parameter; empty where it has none.
    pub(super) parameter: &'a str,
    /// The query as sent.
    pub(super) query: Option<&'a str>,
    /// The headers.
    pub(super) headers: &'a HeaderMap,
}

impl Call<'_> {
    /// Reads the query; only these names may stand in it.
    pub(super) fn parameters(&self, known: &'static [&'static str]) -> Result<Parameters, NativeError> {
        Parameters::read(self.query.unwrap_or_default(), known)
    }
}
