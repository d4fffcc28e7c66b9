//! Where JSON is written, and which version it is written for.

use std::ops::{Deref, DerefMut};

use crate::versions::Version;

/// Bytes of JSON in one version of the interface.
#[derive(Debug)]
pub struct Out {
    bytes: Vec<u8>,
    version: &'static Version,
}

impl Out {
    /// Starts in that version.
    pub fn new(version: &'static Version) -> Self {
        Out::after(Vec::new(), version)
    }

    /// Goes on behind what was written already.
    pub fn after(bytes: Vec<u8>, version: &'static Version) -> Self {
        Out { bytes, version }
    }

    /// Returns the version.
    pub fn version(&self) -> &'static Version {
        self.version
    }

    /// Returns what was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Deref for Out {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Out {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}
