//! Rank fusion: several ranked lists become one.
