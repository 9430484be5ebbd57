//! The ledger: one row a call, keyed by our call id, so that settling twice books once.
