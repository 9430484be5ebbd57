//! The one record of a call, which ledger, metrics and logs read.
