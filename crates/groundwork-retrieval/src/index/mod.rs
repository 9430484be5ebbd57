//! The derived legs.
