//! What a child gives up before it looks at a file: files, network, processes, and more memory and time than it was given.

use super::calls;
use super::child::Means;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rlimit::Resource;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// What the kernel did not offer. The parent says so once and goes on with the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Missing {
    pub(super) landlock: bool,
    pub(super) seccomp: bool,
}

/// How a child is held.
pub(super) struct Confinement<'a> {
    pub(super) means: Means,
    /// A program that the child becomes: it may read itself, its libraries and its data, and nothing else.
    pub(super) runs: Option<&'a Path>,
}

/// Limits the process, for good. Resource limits always hold; the rest as far as the kernel has it.
pub(super) fn confine(how: &Confinement<'_>) -> io::Result<Missing> {
    // The address space that the program itself takes (a large binary, an allocator's reserve) comes on top.
    let own = if how.runs.is_some() { 0 } else { own_address_space()? };
    let landlock = !without_files_and_network(how.runs);
    let memory = own.saturating_add(how.means.memory_bytes);
    rlimit::setrlimit(Resource::AS, memory, memory)?;
    // The soft limit ends the process with SIGXCPU; the hard one a second later with SIGKILL.
    rlimit::setrlimit(Resource::CPU, how.means.cpu_seconds, how.means.cpu_seconds + 1)?;
    rlimit::setrlimit(Resource::FSIZE, 0, 0)?;
    let files = if how.runs.is_some() { 64 } else { 16 };
    rlimit::setrlimit(Resource::NOFILE, files, files)?;
    rlimit::setrlimit(Resource::CORE, 0, 0)?;
    let seccomp = !calls::allow_few(how.runs.is_some());
    Ok(Missing { landlock, seccomp })
}

/// Bytes that the process has mapped. Where `/proc` is absent the program is taken to need nothing.
fn own_address_space() -> io::Result<u64> {
    let status = match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => status,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kibibytes.unwrap_or(0) * 1024)
}

/// Where programs keep their libraries and data; what is not there is left out.
const PROGRAM_FOLDERS: &[&str] =
    &["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share", "/usr/local/share", "/etc/ld.so.cache"];

/// No path but the program's own, no TCP, no signal to others. True when the kernel enforces at least a part of it.
fn without_files_and_network(runs: Option<&Path>) -> bool {
    let restricted = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI::V5)))
        .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .and_then(|rules| match runs {
            Some(program) => rules.add_rules(readable(program)),
            None => Ok(rules),
        })
        .and_then(landlock::RulesetCreated::restrict_self);
    restricted.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

fn readable(program: &Path) -> impl Iterator<Item = Result<PathBeneath<PathFd>, landlock::RulesetError>> {
    let paths = PROGRAM_FOLDERS.iter().map(Path::new).chain([program]);
    let opened = paths.filter_map(|path| Some((PathFd::new(path).ok()?, path.is_dir())));
    opened.map(|(path, is_folder)| {
        let folder: BitFlags<AccessFs> = AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir;
        let file: BitFlags<AccessFs> = AccessFs::Execute | AccessFs::ReadFile;
        Ok(PathBeneath::new(path, if is_folder { folder } else { file }))
    })
}
