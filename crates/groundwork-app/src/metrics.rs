//! Every number that is counted, by the names of the OpenTelemetry conventions for generative AI where there are any.
