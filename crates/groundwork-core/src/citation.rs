//! Citations: parsing `[n]` out of a stream, and checking each cited sentence against its source.
