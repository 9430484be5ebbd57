//! Which hosts and addresses may be connected to: pure decisions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Any that can be a server, but not those where clouds answer with a machine's own credentials: for hosts that the operator named.
    Any,
    /// Only addresses of the public internet: for hosts that someone else has named.
    Public,
    /// Only this machine and what stands beside it on its link, where clouds answer with the machine's own credentials. Never through
    /// a proxy.
    Machine,
}

impl Addresses {
    pub fn allow(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self {
            Self::Any => !never(address),
            Self::Public => !never(address) && public(address),
            Self::Machine => machine(address),
        }
    }
}

/// Link-local ranges hold the metadata services of the clouds; `fd00:ec2::254` is one outside of them, as is Azure's wire server.
fn never(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || v4.octets()[0] == 0 || v4 == Ipv4Addr::new(168, 63, 129, 16)
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_multicast()
                || v6.is_unspecified()
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
                || embedded(v6).is_some_and(|v4| never(IpAddr::V4(v4)))
        }
    }
}

fn machine(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

fn public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let protocol = (a, b, c) == (192, 0, 0);
            let benchmark = a == 198 && (b == 18 || b == 19);
            !(v4.is_private() || v4.is_loopback() || v4.is_documentation() || shared || protocol || benchmark || a >= 240)
        }
        IpAddr::V6(v6) => {
            let documentation = v6.segments()[..2] == [0x2001, 0xdb8];
            let protocol = v6.segments()[0] == 0x2001 && v6.segments()[1] < 0x200;
            let global = v6.segments()[0] & 0xe000 == 0x2000;
            match embedded(v6) {
                Some(v4) => public(IpAddr::V4(v4)),
                None => global && !documentation && !protocol,
            }
        }
    }
}

/// The IPv4 address that a translated (64:ff9b::/96) or 6to4 (2002::/16) address leads to.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

/// `example.com`, or `*.example.com` for every name below it.
#[derive(Debug)]
pub(super) struct HostPattern {
    name: String,
    below: bool,
}

impl HostPattern {
    pub(super) fn new(text: &str) -> Self {
        let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
        match text.strip_prefix("*.") {
            Some(name) => Self { name: name.to_owned(), below: true },
            None => Self { name: text, below: false },
        }
    }

    pub(super) fn matches(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if self.below {
            host.strip_suffix(&self.name).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
        } else {
            host == self.name
        }
    }

    pub(super) fn is_loopback(&self) -> bool {
        let bare = self.name.trim_start_matches('[').trim_end_matches(']');
        !self.below && (bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_internet_leaves_out_every_address_that_is_somebodys_own() {
        let cases = [
            ("93.184.216.34", true, true),
            ("2606:2800:220:1::1", true, true),
            ("127.0.0.1", true, false),
            ("10.1.2.3", true, false),
            ("192.168.0.1", true, false),
            ("172.31.0.1", true, false),
            ("100.64.0.1", true, false),
            ("198.18.0.1", true, false),
            ("192.0.2.1", true, false),
            ("::1", true, false),
            ("fd12::1", true, false),
            ("::ffff:10.0.0.1", true, false),
            ("64:ff9b::a00:1", true, false),
            ("2001:0:a00:1::1", true, false),
            ("64:ff9b::5db8:d822", true, true),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("64:ff9b::a9fe:a9fe", false, false),
            ("2002:a9fe:a9fe::1", false, false),
            ("168.63.129.16", false, false),
            ("fd00:ec2::254", false, false),
            ("fe80::1", false, false),
            ("0.0.0.0", false, false),
            ("255.255.255.255", false, false),
            ("224.0.0.1", false, false),
            ("::", false, false),
        ];
        for (address, any, public) in cases {
            let parsed = address.parse().expect("the table holds addresses");
            assert_eq!((Addresses::Any.allow(parsed), Addresses::Public.allow(parsed)), (any, public), "{address}");
        }
    }

    #[test]
    fn a_machines_own_services_are_on_it_or_on_its_link() {
        for (address, allowed) in [
            ("127.0.0.1", true),
            ("169.254.169.254", true),
            ("::1", true),
            ("::ffff:169.254.131.5", true),
            ("10.0.0.1", false),
            ("93.184.216.34", false),
        ] {
            assert_eq!(Addresses::Machine.allow(address.parse().unwrap()), allowed, "{address}");
        }
    }

    #[test]
    fn a_star_stands_for_names_below_and_never_for_part_of_a_name() {
        let below = HostPattern::new("*.Example.com");
        assert!(below.matches("a.example.com") && below.matches("a.b.EXAMPLE.com."));
        assert!(!below.matches("example.com") && !below.matches("badexample.com") && !below.matches("a.example.com.evil.net"));
        let exact = HostPattern::new("example.com");
        assert!(exact.matches("Example.com.") && !exact.matches("a.example.com"));
    }
}
