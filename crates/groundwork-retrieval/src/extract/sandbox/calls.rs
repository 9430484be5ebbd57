//! The system calls that a child may make: those that computing needs. Everything else fails, and with it whatever a parser that was
//! taken over would try.

use seccompiler::{BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};
use std::collections::BTreeMap;

type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

/// Refuses all calls but a few, and some more for a child that becomes another program. True when the kernel enforces it.
pub(super) fn allow_few(becomes_a_program: bool) -> bool {
    let Some(mut rules) = rules(!becomes_a_program) else { return false };
    if becomes_a_program {
        rules.extend(FOR_PROGRAMS.iter().map(|call| (*call, Vec::new())));
    }
    // The flags of `clone3` lie in memory where no filter can read them: it is said not to exist, and the C library falls back to
    // `clone`. Where two filters differ, the refusal counts.
    let none = [(libc::SYS_clone3, Vec::new())].into();
    let no_clone3 = apply(none, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.unsigned_abs()));
    no_clone3 && apply(rules, SeccompAction::Errno(libc::EPERM.unsigned_abs()), SeccompAction::Allow)
}

fn apply(rules: Rules, otherwise: SeccompAction, listed: SeccompAction) -> bool {
    let Ok(architecture) = TargetArch::try_from(std::env::consts::ARCH) else { return false };
    let filter = SeccompFilter::new(rules, otherwise, listed, architecture);
    let Ok(program) = filter.and_then(BpfProgram::try_from) else { return false };
    seccompiler::apply_filter(&program).is_ok()
}

fn rules(own_code_only: bool) -> Option<Rules> {
    let mut rules: Rules = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let qword = |argument: u8, operator: SeccompCmpOp, value: u64| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Qword, operator, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .ok()
    };
    // Threads, but no processes.
    let thread = libc::CLONE_THREAD as u64;
    rules.insert(libc::SYS_clone, vec![qword(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
    // Signals to itself: that is how a program aborts.
    rules.insert(libc::SYS_tgkill, vec![qword(0, SeccompCmpOp::Eq, u64::from(std::process::id()))?]);
    // A thread's name.
    rules.insert(libc::SYS_prctl, vec![qword(0, SeccompCmpOp::Eq, libc::PR_SET_NAME as u64)?]);
    // Memory, but no new code. A program that is about to be loaded needs some.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        let no_code = qword(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0)?;
        rules.insert(call, if own_code_only { vec![no_code] } else { Vec::new() });
    }
    Some(rules)
}

/// Reading and writing what is open, memory, threads of its own, time.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Loading a program with its libraries and data, which Landlock confines to their folders.
const FOR_PROGRAMS: &[libc::c_long] = &[
    libc::SYS_execve,
    libc::SYS_openat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_pread64,
    libc::SYS_fcntl,
    libc::SYS_ioctl,
    libc::SYS_dup,
    libc::SYS_set_tid_address,
    libc::SYS_prlimit64,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_arch_prctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
];
