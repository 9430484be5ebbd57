//! What a child gives up before it looks at a file: files, network, processes, and more memory and time than it was given.

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rlimit::Resource;
use seccompiler::{BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;

/// What the kernel did not offer. The parent says so once and goes on with the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Missing {
    pub(super) landlock: bool,
    pub(super) seccomp: bool,
}

/// Limits the process, for good. Resource limits always hold; the rest as far as the kernel has it.
pub(super) fn confine(memory_bytes: u64, cpu_seconds: u64) -> io::Result<Missing> {
    // The address space that the program itself takes (a large binary, an allocator's reserve) comes on top.
    let own = own_address_space()?;
    let landlock = !without_files_and_network();
    let memory = own.saturating_add(memory_bytes);
    rlimit::setrlimit(Resource::AS, memory, memory)?;
    // The soft limit ends the process with SIGXCPU; the hard one a second later with SIGKILL.
    rlimit::setrlimit(Resource::CPU, cpu_seconds, cpu_seconds + 1)?;
    rlimit::setrlimit(Resource::FSIZE, 0, 0)?;
    rlimit::setrlimit(Resource::NOFILE, 16, 16)?;
    rlimit::setrlimit(Resource::CORE, 0, 0)?;
    let seccomp = !without_system_calls();
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

/// No path, no TCP, no signal to others. True when the kernel enforces at least a part of it.
fn without_files_and_network() -> bool {
    let restricted = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI::V5)))
        .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    restricted.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

/// Refuses the system calls that reach beyond the process. True when the kernel enforces it.
fn without_system_calls() -> bool {
    let denied = DENIED.iter().map(|call| (*call, Vec::new()));
    // Parsers may start threads, which inherit all of this, but no processes. The flags of `clone3` lie in memory where no filter can read
    // them: it is said not to exist, and the C library falls back to `clone`.
    let process = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64), 0)
        .and_then(|condition| SeccompRule::new(vec![condition]));
    let Ok(process) = process else { return false };
    let rules = denied.chain([(libc::SYS_clone, vec![process])]).collect();
    refuse(rules, libc::EPERM) && refuse([(libc::SYS_clone3, Vec::new())].into(), libc::ENOSYS)
}

fn refuse(calls: BTreeMap<libc::c_long, Vec<SeccompRule>>, code: libc::c_int) -> bool {
    let Ok(architecture) = TargetArch::try_from(std::env::consts::ARCH) else { return false };
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, SeccompAction::Errno(code.unsigned_abs()), architecture);
    let Ok(program) = filter.and_then(BpfProgram::try_from) else { return false };
    seccompiler::apply_filter(&program).is_ok()
}

/// Sockets, programs, processes, other processes' memory, file names, kernel interfaces with a history of holes.
const DENIED: &[libc::c_long] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_execve,
    libc::SYS_execveat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_prlimit64,
    libc::SYS_setrlimit,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_open_by_handle_at,
    libc::SYS_memfd_create,
    libc::SYS_truncate,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_chdir,
    libc::SYS_fchdir,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_unlinkat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_renameat2,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_capset,
];
