//! v0.0.44: what the types themselves are.

use super::Version;

/// The version of the types.
pub const V0_0_44: Version = Version::same_as("v0.0.44", None);
