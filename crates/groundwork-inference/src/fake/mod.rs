//! The scripted target: answers, delays and faults as its script says.

mod script;

pub use script::Script;
