//! The `Authorization` header of AWS Signature Version 4, taken apart.

use crate::nifcloud::error::NifcloudError;

/// The one way of signing there is.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Most headers that are signed.
const MOST_SIGNED: usize = 64;

/// Who signed what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    /// The access key.
    pub(super) access_key: &'a str,
    /// The day, the region, the service and how it ends.
    pub(super) scope: [&'a str; 4],
    /// Names of the signed headers, in small letters and in order.
    pub(super) signed: Vec<&'a str>,
    /// The signature, in hexadecimal digits.
    pub(super) signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Takes the header apart (facts B7: which lack has which code).
    pub(super) fn read(header: &'a str) -> Result<Self, NifcloudError> {
        let no_key = NifcloudError::NoAccessKey;
        let parts = header.trim().strip_prefix(ALGORITHM).ok_or(no_key)?;
        if !parts.starts_with([' ', '\t']) {
            return Err(no_key);
        }
        let (mut credential, mut signed, mut signature) = (None, None, None);
        for part in parts.split(',').map(str::trim) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let place = match name.trim() {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed,
                "Signature" => &mut signature,
                _ => continue,
            };
            if place.replace(value.trim()).is_some() {
                return Err(NifcloudError::Permission);
            }
        }
        let mut scope = credential.unwrap_or_default().split('/');
        let access_key = scope.next().filter(|key| !key.is_empty()).ok_or(no_key)?;
        let signature = signature.filter(|text| !text.is_empty()).ok_or(NifcloudError::NoSignature)?;
        let scope =
            <[&str; 4]>::try_from(scope.collect::<Vec<_>>()).map_err(|_| NifcloudError::Permission)?;
        let signed: Vec<&str> = signed.unwrap_or_default().split(';').collect();
        let is_ordered = signed.is_sorted_by(|one, next| one < next);
        let is_name = |name: &&str| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase());
        if signed.len() > MOST_SIGNED || !is_ordered || !signed.iter().all(is_name) {
            return Err(NifcloudError::Permission);
        }
        Ok(Authorization { access_key, scope, signed, signature })
    }

    /// Tells whether a header was signed.
    pub(super) fn signs(&self, name: &str) -> bool {
        self.signed.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_with_and_without_blanks_divide() {
        for comma in [",", ", ", " ,  "] {
            let header = format!(
                "AWS4-HMAC-SHA256 Credential=KEY/20150830/r/s/aws4_request{comma}SignedHeaders=host;x-amz-date{comma}Signature=5f"
            );
            let read = Authorization::read(&header).unwrap();
            assert_eq!((read.access_key, read.signature), ("KEY", "5f"));
            assert_eq!(read.scope, ["20150830", "r", "s", "aws4_request"]);
            assert!(read.signs("host") && !read.signs("content-type"));
        }
    }

    #[test]
    fn each_lack_has_its_code() {
        use NifcloudError::{NoAccessKey, NoSignature, Permission};
        let whole = "Credential=K/1/2/3/4, SignedHeaders=host;x-amz-date, Signature=5f";
        for (header, error) in [
            (String::new(), NoAccessKey),
            ("Basic YTpi".to_owned(), NoAccessKey),
            (format!("AWS4-HMAC-SHA512 {whole}"), NoAccessKey),
            (format!("AWS4-HMAC-SHA256{whole}"), NoAccessKey),
            ("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=5f".to_owned(), NoAccessKey),
            ("AWS4-HMAC-SHA256 Credential=, SignedHeaders=host, Signature=5f".to_owned(), NoAccessKey),
            ("AWS4-HMAC-SHA256 Credential=/1/2/3/4, Signature=5f".to_owned(), NoAccessKey),
            ("AWS4-HMAC-SHA256 Credential=K/1/2/3/4, SignedHeaders=host".to_owned(), NoSignature),
            ("AWS4-HMAC-SHA256 Credential=K/1/2/3/4, SignedHeaders=host, Signature=".to_owned(), NoSignature),
            ("AWS4-HMAC-SHA256 Credential=K/1/2/3, SignedHeaders=host, Signature=5f".to_owned(), Permission),
            (format!("AWS4-HMAC-SHA256 {whole}, Signature=60"), Permission),
            ("AWS4-HMAC-SHA256 Credential=K/1/2/3/4, Signature=5f".to_owned(), Permission),
            (
                "AWS4-HMAC-SHA256 Credential=K/1/2/3/4, SignedHeaders=Host, Signature=5f".to_owned(),
                Permission,
            ),
            ("AWS4-HMAC-SHA256 Credential=K/1/2/3/4, SignedHeaders=b;a, Signature=5f".to_owned(), Permission),
            ("AWS4-HMAC-SHA256 Credential=K/1/2/3/4, SignedHeaders=a;a, Signature=5f".to_owned(), Permission),
        ] {
            assert_eq!(Authorization::read(&header), Err(error), "{header}");
        }
    }
}
