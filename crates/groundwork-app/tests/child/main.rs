//! The program that the tests' extractor starts as its child.

use std::process::ExitCode;

fn main() -> ExitCode {
    groundwork_retrieval::extract::sandbox::child_main()
}
