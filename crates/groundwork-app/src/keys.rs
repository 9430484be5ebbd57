//! Who comes with which key. Of a key only its HMAC is kept, under a secret of this installation; a credential is looked up by its own.

use crate::declared::{Key, Reference};
use groundwork_core::access::{Caller, Role};
use groundwork_core::clock::{Dice, UnixMs};
use groundwork_core::ids::{InvalidName, ModelName, TenantId};
use groundwork_store::db::knowledge_bases::ManagedBy;
use groundwork_store::db::objects::{Kind, NewObject, PutObjectError};
use groundwork_store::db::{Db, DbError};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads the value that a declared key refers to; the reason when it cannot.
pub type Secrets = Arc<dyn Fn(&Reference) -> Result<SecretString, String> + Send + Sync>;

/// The keys of this installation, as one snapshot. Without any, nobody is asked for one.
pub(crate) struct Keyring {
    hasher: Hmac<Sha256>,
    /// By the first bytes of the hash.
    keys: HashMap<[u8; 8], Vec<Held>>,
}

struct Held {
    hash: Vec<u8>,
    caller: Arc<Caller>,
    expires: Option<UnixMs>,
}

impl Held {
    fn good(&self, now: UnixMs) -> Result<Arc<Caller>, RefusedKey> {
        if self.expires.is_some_and(|expires| expires <= now) { Err(RefusedKey::Expired) } else { Ok(self.caller.clone()) }
    }
}

/// Why a credential lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedKey {
    #[error("Incorrect API key provided.")]
    Unknown,
    #[error("This API key has expired.")]
    Expired,
}

/// Why the declared keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("keys.{name}.value: {reason}")]
    Value { name: String, reason: String },
    #[error("keys.{name} and keys.{other} have the same value: give each its own")]
    Same { name: String, other: String },
    #[error("{path}, which holds the secret that keys are hashed with, cannot be used ({source}): make it readable for this user only", path = path.display())]
    Installation { path: PathBuf, source: std::io::Error },
    #[error("the stored key {name} cannot be read ({reason}): apply its declaration again")]
    Stored { name: String, reason: String },
    #[error("a key cannot be stored as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Object(#[from] PutObjectError),
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A key as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    /// HMAC-SHA256 of the value, in hexadecimal.
    hash: String,
    principal: String,
    groups: Vec<String>,
    role: Role,
    models: Option<Vec<String>>,
    expires: Option<UnixMs>,
}

/// Where the secret of the installation is, in the data folder.
const FILE: &str = "installation.secret";

/// Stores what is declared, takes out of use what no file declares any more, and gives the keys that are in use.
pub(crate) async fn apply(
    db: &Db,
    (tenant, folder): (&TenantId, &Path),
    declared: &BTreeMap<String, Key>,
    (secrets, dice): (&Secrets, &Dice),
) -> Result<Keyring, KeysError> {
    let mut keyring = Keyring { hasher: hasher(folder, dice)?, keys: HashMap::new() };
    for (name, key) in declared {
        let value = secrets(&key.value).map_err(|reason| KeysError::Value { name: name.clone(), reason })?;
        if value.expose_secret().len() < SHORT {
            tracing::warn!(key = name, "this key is short enough to be guessed: make it at least {SHORT} characters of chance");
        }
        let stored = Stored {
            hash: hex::encode(keyring.hash(value.expose_secret()).finalize().into_bytes()),
            principal: key.principal(name),
            groups: key.groups.clone(),
            role: key.role,
            models: key.models.clone(),
            expires: key.expires.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok()).map(|at| at.as_millisecond().max(0) as u64),
        };
        db.ensure_principal(tenant, &stored.principal).await?;
        let body = serde_json::to_value(&stored)?;
        db.put_version(NewObject { kind: Kind::Key, tenant: tenant.clone(), name: name.clone(), body, managed_by: ManagedBy::File })
            .await?;
    }
    for object in db.live_objects(Kind::Key, tenant).await? {
        if object.managed_by == ManagedBy::File && !declared.contains_key(&object.name) {
            db.retire(Kind::Key, tenant, &object.name, ManagedBy::File).await?;
            continue;
        }
        keyring.hold(tenant, &object.name, serde_json::from_value(object.body)?)?;
    }
    Ok(keyring)
}

/// Characters below which a key is called short.
const SHORT: usize = 20;

impl Keyring {
    /// Nobody needs a key.
    pub(crate) fn open() -> Result<Self, KeysError> {
        Ok(Self { hasher: keyed(&[0; 32])?, keys: HashMap::new() })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The caller that `credential` stands for. Hashes are compared in constant time.
    pub(crate) fn find(&self, credential: &[u8], now: UnixMs) -> Result<Arc<Caller>, RefusedKey> {
        let mut hasher = self.hasher.clone();
        hasher.update(credential);
        let hash = hasher.clone().finalize().into_bytes();
        let held = self.keys.get(&prefix(&hash)).into_iter().flatten();
        let held = held.into_iter().find(|held| hasher.clone().verify_slice(&held.hash).is_ok()).ok_or(RefusedKey::Unknown)?;
        held.good(now)
    }

    /// The caller that comes with the key `name`, while that is declared and good.
    pub(crate) fn named(&self, name: &str, now: UnixMs) -> Result<Arc<Caller>, RefusedKey> {
        let held = self.keys.values().flatten().find(|held| held.caller.key.as_deref() == Some(name)).ok_or(RefusedKey::Unknown)?;
        held.good(now)
    }

    fn hash(&self, value: &str) -> Hmac<Sha256> {
        let mut hasher = self.hasher.clone();
        hasher.update(value.as_bytes());
        hasher
    }

    fn hold(&mut self, tenant: &TenantId, name: &str, stored: Stored) -> Result<(), KeysError> {
        let unreadable = |reason: String| KeysError::Stored { name: name.to_owned(), reason };
        let hash = hex::decode(&stored.hash).map_err(|error| unreadable(error.to_string()))?;
        if hash.len() < 8 {
            return Err(unreadable("its hash is too short".to_owned()));
        }
        let models =
            stored.models.map(|models| models.into_iter().map(ModelName::try_from).collect::<Result<BTreeSet<_>, _>>()).transpose()?;
        let principals = std::iter::once(stored.principal).chain(stored.groups).collect();
        let caller = Caller { role: stored.role, models, key: Some(name.to_owned()), ..Caller::new(Some(tenant.clone()), principals) };
        let same = self.keys.entry(prefix(&hash)).or_default();
        if let Some(other) = same.iter().find(|held| held.hash == hash) {
            let other = other.caller.key.clone().unwrap_or_default();
            return Err(KeysError::Same { name: name.to_owned(), other });
        }
        same.push(Held { hash, caller: Arc::new(caller), expires: stored.expires });
        Ok(())
    }
}

fn prefix(hash: &[u8]) -> [u8; 8] {
    let mut first = [0; 8];
    first.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
    first
}

/// The hasher under the secret of the installation, which is made when it is not there yet.
fn hasher(folder: &Path, dice: &Dice) -> Result<Hmac<Sha256>, KeysError> {
    let path = folder.join(FILE);
    let secret = secret(&path, dice).map_err(|source| KeysError::Installation { path, source })?;
    keyed(&secret)
}

fn keyed(secret: &[u8]) -> Result<Hmac<Sha256>, KeysError> {
    // HMAC takes keys of any length; the type does not say so.
    Hmac::new_from_slice(secret).map_err(|error| KeysError::Stored { name: FILE.to_owned(), reason: error.to_string() })
}

fn secret(path: &Path, dice: &Dice) -> std::io::Result<Vec<u8>> {
    let read = || std::fs::read(path);
    match read() {
        Ok(secret) if secret.len() >= 32 => return Ok(secret),
        Ok(_) => {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "it is shorter than 32 bytes; remove it and start again"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let made: Vec<u8> = [dice.roll(), dice.roll()].iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let part = path.with_extension(format!("part-{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(&made)?;
    file.sync_all()?;
    // A link fails when another process was first; its secret counts then.
    let linked = std::fs::hard_link(&part, path);
    std::fs::remove_file(&part)?;
    match linked {
        Ok(()) => Ok(made),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => read(),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(keys: &[(&str, &str, Option<UnixMs>)]) -> Result<Keyring, KeysError> {
        let mut keyring = Keyring { hasher: keyed(&[7; 32]).unwrap(), keys: HashMap::new() };
        let tenant = "default".parse().unwrap();
        for (name, value, expires) in keys {
            let hash = hex::encode(keyring.hash(value).finalize().into_bytes());
            let stored = Stored {
                hash,
                principal: format!("user:{name}"),
                groups: vec!["group:hr".to_owned()],
                role: Role::User,
                models: Some(vec!["small".to_owned()]),
                expires: *expires,
            };
            keyring.hold(&tenant, name, stored)?;
        }
        Ok(keyring)
    }

    #[test]
    fn a_key_names_its_caller_until_it_expires() {
        let keyring = keyring(&[("ann", "secret-of-ann", None), ("bob", "secret-of-bob", Some(1_000))]).unwrap();
        let ann = keyring.find(b"secret-of-ann", 5_000).unwrap();
        assert_eq!(ann.principals.iter().collect::<Vec<_>>(), ["group:hr", "user:ann"]);
        assert!(ann.may_use(&"small".parse().unwrap()) && !ann.may_use(&"large".parse().unwrap()));
        assert_eq!(keyring.find(b"secret-of-bob", 999).unwrap().key.as_deref(), Some("bob"));
        assert_eq!(keyring.find(b"secret-of-bob", 1_000), Err(RefusedKey::Expired));
        for wrong in ["", "secret-of-an", "secret-of-ann ", "secret-of-ANN"] {
            assert_eq!(keyring.find(wrong.as_bytes(), 0), Err(RefusedKey::Unknown), "{wrong}");
        }
    }

    #[test]
    fn two_keys_of_one_value_are_refused() {
        assert!(matches!(keyring(&[("ann", "same", None), ("bob", "same", None)]), Err(KeysError::Same { .. })));
    }

    #[test]
    fn the_secret_of_an_installation_stays_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let dice = Dice::counting(1);
        let first = secret(&path, &dice).unwrap();
        assert_eq!((first.len(), secret(&path, &dice).unwrap()), (32, first));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        assert!(secret(&path, &dice).is_err());
    }
}
