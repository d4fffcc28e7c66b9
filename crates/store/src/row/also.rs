//! Amounts by name, as one small blob: what an attempt held beside nodes, CPUs and memory, and sums of that.

use super::BadRow;
use domain::Text;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes amounts; `None` where there are none.
pub(crate) fn to_blob<T: Copy + Serialize>(amounts: &[(Text, T)]) -> Option<Vec<u8>> {
    let list: Vec<(&str, T)> = amounts.iter().map(|(name, amount)| (name.as_str(), *amount)).collect();
    (!list.is_empty()).then(|| rmp_serde::to_vec(&list).expect("names and numbers can be written"))
}

/// Reads amounts.
pub(crate) fn from_blob<T: DeserializeOwned>(blob: Option<&[u8]>) -> Result<Vec<(Text, T)>, BadRow> {
    let Some(blob) = blob else { return Ok(Vec::new()) };
    let list: Vec<(String, T)> = rmp_serde::from_slice(blob)?;
    Ok(list.into_iter().map(|(name, amount)| (Text::from(name), amount)).collect())
}
