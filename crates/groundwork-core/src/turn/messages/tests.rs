//! Each trap of the dialect, in and out.
