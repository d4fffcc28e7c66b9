//! Who asks: a token in one of two headers, its roles, and for some calls the address it comes from (facts, section 2).

use super::error::CockpitError;
use super::keys::{Bearer, CockpitKeys};
use domain::Timestamp;
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, StatusCode};
use std::net::IpAddr;

/// The roles there are (facts, section 2).
pub const COCKPIT_ROLES: [&str; 6] = ["anonymous", "api", "user", "manager", "support", "admin"];

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// From where users may be managed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    /// From everywhere, or from these.
    pub allowed: Option<Vec<Network>>,
    /// What these say of where a request comes from is believed.
    pub proxies: Vec<Network>,
}

impl Network {
    /// Reads `ADDRESS` or `ADDRESS/BITS`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.trim().parse().ok())?;
        (bits <= most).then_some(Network { address, bits })
    }

    fn has(&self, other: IpAddr) -> bool {
        let number = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
            IpAddr::V6(address) => u128::from(address),
        };
        let other = other.to_canonical();
        let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
        self.address.is_ipv4() == other.is_ipv4() && (number(self.address) ^ number(other)) & mask == 0
    }
}

impl Default for Origins {
    /// This machine.
    fn default() -> Self {
        let here = ["127.0.0.0/8", "::1"].into_iter().filter_map(Network::parse);
        Origins { allowed: Some(here.collect()), proxies: Vec::new() }
    }
}

impl Origins {
    /// Tells where a request comes from: what the last proxy that is not trusted has said is not believed.
    fn of(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let is_proxy = |address: IpAddr| self.proxies.iter().any(|proxy| proxy.has(address));
        let named = headers.get_all("x-forwarded-for").into_iter().chain(headers.get_all("x-real-ip"));
        let named: Vec<&str> =
            named.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
        let mut origin = peer;
        for address in named.into_iter().rev() {
            if !is_proxy(origin) {
                break;
            }
            match address.trim().parse() {
                Ok(address) => origin = address,
                Err(_) => break,
            }
        }
        origin
    }

    /// Tells whether a request comes from where it may.
    pub(super) fn allow(&self, headers: &HeaderMap, peer: IpAddr) -> bool {
        let Some(allowed) = &self.allowed else { return true };
        let origin = self.of(headers, peer);
        allowed.iter().any(|network| network.has(origin))
    }
}

/// Finds out who asks. A token in `X-Auth-Token` goes before one in `Authorization`, also if it is bad.
pub(super) fn bearer(
    keys: &CockpitKeys,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Bearer, CockpitError> {
    let header = headers.get("x-auth-token").or_else(|| headers.get(AUTHORIZATION));
    let refused = |why: &str| CockpitError::new(StatusCode::UNAUTHORIZED, why);
    let text = header.ok_or_else(|| refused("missing authentication"))?.to_str();
    let text = text.map_err(|_| refused("token is malformed"))?.trim();
    let token = match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => text,
    };
    keys.bearer(token, now).map_err(refused)
}

impl Bearer {
    /// Tells whether the token has a role.
    pub(super) fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }

    /// Checks that the token has a role.
    pub(super) fn needs(&self, role: &str) -> Result<(), CockpitError> {
        if self.has(role) { Ok(()) } else { Err(CockpitError::missing_role(role)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_addresses() {
        let has =
            |network: &str, address: &str| Network::parse(network).unwrap().has(address.parse().unwrap());
        assert!(has("10.1.0.0/16", "10.1.200.3") && !has("10.1.0.0/16", "10.2.0.1"));
        assert!(has("fd00::/8", "fd12::1") && !has("fd00::/8", "::1") && has("::1", "::1"));
        assert!(
            has("127.0.0.1", "::ffff:127.0.0.1") && !has("0.0.0.0/0", "::1") && has("0.0.0.0/0", "9.9.9.9")
        );
        assert_eq!((Network::parse("10.0.0.0/33"), Network::parse("nowhere")), (None, None));
    }

    #[test]
    fn only_proxies_that_are_trusted_are_believed() {
        let networks = |all: &[&str]| all.iter().filter_map(|one| Network::parse(one)).collect::<Vec<_>>();
        let origins = Origins { allowed: Some(networks(&["192.0.2.7"])), proxies: networks(&["10.0.0.0/8"]) };
        let allows = |peer: &str, forwarded: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            origins.allow(&headers, peer.parse().unwrap())
        };
        assert!(allows("192.0.2.7", &[]) && !allows("10.0.0.1", &[]));
        assert!(allows("10.0.0.1", &["192.0.2.7"]) && allows("10.0.0.1", &["9.9.9.9, 192.0.2.7, 10.0.0.2"]));
        // Whoever comes from elsewhere can claim what it likes.
        assert!(!allows("9.9.9.9", &["192.0.2.7"]) && !allows("10.0.0.1", &["192.0.2.7, 9.9.9.9"]));
        assert!(!allows("10.0.0.1", &["garbage"]));
        assert!(
            Origins { allowed: None, proxies: Vec::new() }
                .allow(&HeaderMap::new(), "9.9.9.9".parse().unwrap())
        );
    }
}
