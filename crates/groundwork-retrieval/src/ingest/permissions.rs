//! New content under new permissions: whatever moment a reader looks or the program dies, nobody sees a version that either the
//! permissions before or those after would keep from it.

use groundwork_core::access::{Permissions, Scope};

/// Permissions that let nobody read whom one of the two would not, and everybody whom both would.
pub(super) fn both(one: &Permissions, other: &Permissions) -> Permissions {
    let open = |permissions: &Permissions| permissions.public || permissions.scope == Scope::Tenant;
    let (scope, allow) = match (open(one), open(other)) {
        (true, true) => (Scope::Tenant, one.allow.union(&other.allow).cloned().collect()),
        (true, false) => (Scope::Restricted, other.allow.clone()),
        (false, true) => (Scope::Restricted, one.allow.clone()),
        (false, false) => (Scope::Restricted, one.allow.intersection(&other.allow).cloned().collect()),
    };
    Permissions { scope, public: one.public && other.public, allow, deny: one.deny.union(&other.deny).cloned().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundwork_core::access::Caller;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn principals() -> impl Strategy<Value = BTreeSet<String>> {
        prop::collection::btree_set(prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned), 0..3)
    }

    fn permissions() -> impl Strategy<Value = Permissions> {
        (any::<bool>(), any::<bool>(), principals(), principals()).prop_map(|(tenant, public, allow, deny)| {
            let scope = if tenant { Scope::Tenant } else { Scope::Restricted };
            Permissions { scope, public, allow, deny }
        })
    }

    proptest! {
        #[test]
        fn nobody_reads_whom_one_forbids(one in permissions(), other in permissions(), principals in principals(), known in any::<bool>()) {
            let tenant = "t".parse().unwrap();
            let caller = Caller::new(known.then(|| "t".parse().unwrap()), principals);
            let may = |permissions: &Permissions| permissions.allow(Some(&tenant), &caller);
            prop_assert!(!may(&both(&one, &other)) || (may(&one) && may(&other)));
        }

        #[test]
        fn whom_one_entry_names_in_both_reads_on(one in permissions(), other in permissions(), principal in prop::sample::select(vec!["a", "b", "c"])) {
            let tenant = "t".parse().unwrap();
            let caller = Caller::new("t".parse().ok(), BTreeSet::from([principal.to_owned()]));
            let may = |permissions: &Permissions| permissions.allow(Some(&tenant), &caller);
            prop_assert!(may(&both(&one, &other)) || !may(&one) || !may(&other));
        }
    }
}
