//! Who may read what. The rules, in this order; the first that speaks decides:
//!
//! 1. A document is for principals of its tenant only; nothing overrides this. An unknown principal has no tenant.
//! 2. A deny entry that matches the caller, or a group it is in, forbids.
//! 3. A public document may be read.
//! 4. An unknown principal may read nothing else.
//! 5. With scope `tenant` every known principal of the tenant may read.
//! 6. An allow entry that matches the caller, or a group it is in, permits.
//! 7. Otherwise no.

use crate::ids::{ModelName, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The one who asks, as established at the edge. `principals` are the exact names that permission entries may match: `user:x` and every
/// `group:y` the user is in, transitively.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// `None` for an unknown principal.
    pub tenant: Option<TenantId>,
    pub principals: BTreeSet<String>,
    pub role: Role,
    /// The models that it may use; `None` for all of its tenant.
    pub models: Option<BTreeSet<ModelName>>,
    /// The name of the key that it came with.
    pub key: Option<String>,
}

/// How much a caller may do; each includes those before it. Which permissions a role has stands with the list of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Uses models and reads what it may read; what it makes is its own.
    #[default]
    User,
    /// Also changes what all users see, and reads the ledger and the state of the server.
    Admin,
}

impl Caller {
    /// A user who may use all models of its tenant.
    pub fn new(tenant: Option<TenantId>, principals: BTreeSet<String>) -> Self {
        Self { tenant, principals, role: Role::User, models: None, key: None }
    }

    /// The principal of a server without authentication, and of the command line: `user:local` of tenant `default`.
    pub fn local() -> Self {
        Self { role: Role::Admin, ..Self::new("default".parse().ok(), BTreeSet::from(["user:local".to_owned()])) }
    }

    pub fn may_use(&self, model: &ModelName) -> bool {
        self.models.as_ref().is_none_or(|models| models.contains(model))
    }
}

/// Who beyond the entries may read a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every known principal of the tenant.
    #[default]
    Tenant,
    /// Only those an allow entry names.
    Restricted,
}

/// The permissions of one document, stored by reference: one row a document, never copied into chunks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    #[serde(default)]
    pub scope: Scope,
    #[serde(default)]
    pub public: bool,
    #[serde(default)]
    pub allow: BTreeSet<String>,
    #[serde(default)]
    pub deny: BTreeSet<String>,
}

impl Permissions {
    /// Whether `caller` may read a document of `tenant` with these permissions; `tenant` is `None` for a document of no tenant.
    pub fn allow(&self, tenant: Option<&TenantId>, caller: &Caller) -> bool {
        if tenant.is_some() && tenant != caller.tenant.as_ref() {
            return false;
        }
        if !self.deny.is_disjoint(&caller.principals) {
            return false;
        }
        if self.public {
            return true;
        }
        caller.tenant.is_some() && (self.scope == Scope::Tenant || !self.allow.is_disjoint(&caller.principals))
    }
}

/// Who is a member of what: names of users and groups such as `user:ann` and `group:hr`, compared exactly.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// For each user or group, the groups that it is directly in.
    groups_of: BTreeMap<String, BTreeSet<String>>,
    /// The tenant of each known user.
    tenants: BTreeMap<String, TenantId>,
}

impl Directory {
    pub fn add_user(&mut self, user: &str, tenant: TenantId) {
        self.tenants.insert(user.to_owned(), tenant);
    }

    /// Adds a direct member, a user or a group, to a group.
    pub fn add_member(&mut self, group: &str, member: &str) {
        self.groups_of.entry(member.to_owned()).or_default().insert(group.to_owned());
    }

    /// The caller behind `user`: its tenant and, transitively and through circles, every group it is in.
    pub fn caller(&self, user: &str) -> Caller {
        let Some(tenant) = self.tenants.get(user) else {
            return Caller::new(None, BTreeSet::new());
        };
        let mut principals = BTreeSet::from([user.to_owned()]);
        let mut open = vec![user];
        while let Some(member) = open.pop() {
            for group in self.groups_of.get(member).into_iter().flatten() {
                if principals.insert(group.clone()) {
                    open.push(group);
                }
            }
        }
        Caller::new(Some(tenant.clone()), principals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    /// Ann is in staff by a circle of groups; the group `ann` is another thing than the user.
    fn directory() -> Directory {
        let mut directory = Directory::default();
        directory.add_user("user:ann", tenant("north"));
        directory.add_user("user:bob", tenant("south"));
        for (group, member) in [
            ("group:hr", "user:ann"),
            ("group:staff", "group:hr"),
            ("group:hr", "group:staff"),
            ("group:ann", "user:bob"),
            ("group:all", "group:staff"),
        ] {
            directory.add_member(group, member);
        }
        directory
    }

    #[test]
    fn membership_is_transitive_and_goes_around_circles() {
        let caller = directory().caller("user:ann");
        assert_eq!(caller.principals.into_iter().collect::<Vec<_>>(), ["group:all", "group:hr", "group:staff", "user:ann"]);
        assert_eq!(directory().caller("user:eve"), Caller::new(None, BTreeSet::new()));
    }

    #[test]
    fn the_first_rule_that_speaks_decides() {
        let permissions = |scope, public, allow: &[&str], deny: &[&str]| Permissions {
            scope,
            public,
            allow: allow.iter().map(|name| (*name).to_owned()).collect(),
            deny: deny.iter().map(|name| (*name).to_owned()).collect(),
        };
        use Scope::{Restricted, Tenant};
        let north = Some("north");
        for (case, document_tenant, user, permissions, expected) in [
            ("another tenant, allowed and public", Some("south"), "user:ann", permissions(Tenant, true, &["user:ann"], &[]), false),
            ("a tenant's public document, unknown caller", north, "user:eve", permissions(Tenant, true, &[], &[]), false),
            ("no tenant's public document, unknown caller", None, "user:eve", permissions(Tenant, true, &[], &[]), true),
            ("no tenant's document, unknown caller", None, "user:eve", permissions(Tenant, false, &["user:eve"], &[]), false),
            ("denied user of an allowed group", north, "user:ann", permissions(Restricted, false, &["group:hr"], &["user:ann"]), false),
            ("denied by a far group, public", north, "user:ann", permissions(Tenant, true, &["user:ann"], &["group:all"]), false),
            ("scope tenant", north, "user:ann", permissions(Tenant, false, &[], &["group:ann"]), true),
            ("restricted to a far group", north, "user:ann", permissions(Restricted, false, &["group:all"], &[]), true),
            ("restricted to others", north, "user:ann", permissions(Restricted, false, &["user:bob", "group:ann", "Group:hr"], &[]), false),
            ("restricted to nobody, public", north, "user:ann", permissions(Restricted, true, &[], &[]), true),
        ] {
            let document_tenant = document_tenant.map(tenant);
            assert_eq!(permissions.allow(document_tenant.as_ref(), &directory().caller(user)), expected, "{case}");
        }
    }
}
