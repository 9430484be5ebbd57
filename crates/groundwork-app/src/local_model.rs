//! A model of the library that runs inside this process: opened at its first use, with the reason at hand when it cannot be used.

use groundwork_inference::catalogue::Entry;
use groundwork_inference::local::{self, LoadError};
use groundwork_inference::models::{Library, VerifyError};
use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Why there is no such model.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    #[error(transparent)]
    Files(#[from] VerifyError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("loading the model was cut short: try again")]
    Interrupted,
}

/// A model, opened at its first use. Missing or damaged files are looked for again at the next one.
pub(crate) struct LocalModel<T> {
    pub(crate) name: String,
    library: Library,
    opened: OnceCell<T>,
    fault: Fault,
    open: Open<T>,
}

/// Reads the files in a folder. Does blocking I/O.
type Open<T> = fn(&Entry, &Path, &Fault) -> Result<T, LoadError>;

/// Why the model could not be loaded when it was last tried.
#[derive(Clone, Default)]
pub(crate) struct Fault(Arc<Mutex<Option<String>>>);

impl Fault {
    fn set(&self, reason: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    /// Remembers what a use of the model tells of it.
    pub(crate) fn learn<T>(&self, made: &Result<T, local::EmbedError>) {
        match made {
            Ok(_) => self.set(None),
            Err(local::EmbedError::Load(error)) => self.set(Some(error.to_string())),
            Err(_) => {}
        }
    }
}

impl<T: Clone + Send + 'static> LocalModel<T> {
    pub(crate) fn named(name: String, library: Library, open: Open<T>) -> Self {
        Self { name, library, opened: OnceCell::new(), fault: Fault::default(), open }
    }

    /// One that is ready.
    pub(crate) fn given(name: String, library: Library, ready: T, open: Open<T>) -> Self {
        Self { opened: OnceCell::new_with(Some(ready)), ..Self::named(name, library, open) }
    }

    pub(crate) async fn get(&self) -> Result<T, NotReady> {
        let opened = self.opened.get_or_try_init(|| self.open()).await.cloned();
        if let Err(error @ NotReady::Load(_)) = &opened {
            self.fault.set(Some(error.to_string()));
        }
        opened
    }

    /// Why it cannot be used: its files are not all there, or could not be loaded when that was last tried.
    pub(crate) fn missing(&self) -> Option<String> {
        let fault = self.fault.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if self.opened.initialized() {
            return fault;
        }
        self.library.path(&self.name).err().map(|error| error.to_string()).or(fault)
    }

    async fn open(&self) -> Result<T, NotReady> {
        let folder = self.library.path(&self.name)?;
        let Some(entry) = self.library.entry(&self.name).map(Cow::into_owned) else {
            return Err(NotReady::Interrupted);
        };
        let (open, fault) = (self.open, self.fault.clone());
        let opened = tokio::task::spawn_blocking(move || open(&entry, &folder, &fault)).await;
        Ok(opened.map_err(|_cut| NotReady::Interrupted)??)
    }
}
