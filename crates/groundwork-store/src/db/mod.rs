//! The truth behind one enum of named operations.
