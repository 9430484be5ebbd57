//! Background work: one table, one runner; kinds are functions.
