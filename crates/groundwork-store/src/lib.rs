//! What we remember: the truth, in one SQLite file, and the original bytes beside it.

pub mod blobs;
pub mod contents;
pub mod db;
pub mod disk;
pub mod lock;
pub mod wal;
