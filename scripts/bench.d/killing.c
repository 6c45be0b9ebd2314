/*
 * killing [NAME#]WHEN[+][:ERRNO|:-SIGNAL] REPORT PROGRAM [ARGUMENT…]
 *
 * Runs a program and kills it (SIGKILL) at the WHEN-th system call with which it could have an effect outside itself, before
 * the kernel has begun with that call; never, where WHEN is 0. REPORT gets the name of each such call, one a line, and at
 * the end the line "killed" or the line "ended STATUS". Ends as the program does, with 137 where it was killed. With ERRNO, the
 * program is not killed: that one call fails with it, and the kernel does nothing. With SIGNAL, it gets that one at that
 * call, which is made; what it makes of it is its own affair. With NAME, only calls of that name are counted; with a plus, all
 * that follow meet the same.
 *
 * All calls count that are not known to be harmless, those of all threads in one row; a call that nobody has thought of is
 * one to be killed at. Harmless is what changes the process alone (memory, threads, signal handlers, its own descriptors:
 * they are closed by death just the same) and what only asks. Receiving is asking: between two calls that count, nothing
 * changes outside, so that death at the next call that counts shows the same state. Opening a file counts where it is opened
 * to be written or may be made.
 *
 * Why not strace: `--seccomp-bpf -e inject=…:signal=KILL` of strace 6.1 kills nothing, without a word, because the kernel
 * ignores a signal that comes with the restart of a seccomp stop; without --seccomp-bpf a run takes twice as long, and
 * `when=` counts each thread's calls for itself.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* not <sys/ptrace.h>: it and <linux/ptrace.h> define the same names */
extern long ptrace(int request, ...);

#if defined __x86_64__
#define HERE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define HERE AUDIT_ARCH_AARCH64
#else
#error "this architecture's number is missing"
#endif

static const unsigned short harmless[] = {
    SYS_brk, SYS_clock_getres, SYS_clock_gettime, SYS_clock_nanosleep, SYS_clone, SYS_clone3, SYS_close, SYS_close_range,
    SYS_dup, SYS_dup3, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_exit, SYS_faccessat, SYS_faccessat2, SYS_fchdir,
    SYS_fstat, SYS_fstatfs, SYS_futex, SYS_getcwd, SYS_getdents64, SYS_getegid, SYS_geteuid, SYS_getgid, SYS_getpeername,
    SYS_getpid, SYS_getppid, SYS_getrandom, SYS_getrusage, SYS_getsockname, SYS_getsockopt, SYS_gettid, SYS_getuid, SYS_lseek,
    SYS_madvise, SYS_membarrier, SYS_mprotect, SYS_mremap, SYS_munmap, SYS_nanosleep, SYS_newfstatat, SYS_ppoll, SYS_pread64,
    SYS_prlimit64, SYS_pselect6, SYS_read, SYS_readlinkat, SYS_readv, SYS_recvfrom, SYS_recvmmsg, SYS_recvmsg,
    SYS_restart_syscall, SYS_rseq, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sched_getaffinity,
    SYS_sched_yield, SYS_set_robust_list, SYS_set_tid_address, SYS_sigaltstack, SYS_statfs, SYS_statx, SYS_sysinfo,
    SYS_uname,
#ifdef __x86_64__
    SYS_access, SYS_arch_prctl, SYS_dup2, SYS_epoll_wait, SYS_getrlimit, SYS_lstat, SYS_poll, SYS_readlink, SYS_select,
    SYS_stat, SYS_time,
#endif
};

/* calls whose argument decides: harmless where (argument & mask) is the value, for one of the values */
static const struct { unsigned short call; unsigned char argument; unsigned mask, value; } by_argument[] = {
    {SYS_openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
#ifdef __x86_64__
    {SYS_open, 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
#endif
    {SYS_mmap, 3, MAP_PRIVATE, MAP_PRIVATE},
    {SYS_mmap, 2, PROT_WRITE, 0},
    {SYS_fcntl, 1, ~0u, F_GETFD},
    {SYS_fcntl, 1, ~0u, F_SETFD},
    {SYS_fcntl, 1, ~0u, F_GETFL},
    {SYS_fcntl, 1, ~0u, F_DUPFD_CLOEXEC},
    {SYS_ioctl, 1, ~0u, TCGETS},
    {SYS_ioctl, 1, ~0u, FIONREAD},
    /* its names, its threads' names, its end with its parent */
    {SYS_prctl, 0, ~0u, PR_SET_NAME},
    {SYS_prctl, 0, ~0u, PR_GET_NAME},
    {SYS_prctl, 0, ~0u, PR_SET_VMA},
    {SYS_prctl, 0, ~0u, PR_CAPBSET_READ},
};

static const struct { unsigned short call; const char *name; } names[] = {
    {SYS_socket, "socket"}, {SYS_connect, "connect"}, {SYS_bind, "bind"}, {SYS_listen, "listen"}, {SYS_sendto, "sendto"},
    {SYS_sendmsg, "sendmsg"}, {SYS_sendmmsg, "sendmmsg"}, {SYS_setsockopt, "setsockopt"}, {SYS_shutdown, "shutdown"},
    {SYS_write, "write"}, {SYS_writev, "writev"}, {SYS_pwrite64, "pwrite64"}, {SYS_openat, "openat"},
    {SYS_ftruncate, "ftruncate"}, {SYS_fsync, "fsync"}, {SYS_fdatasync, "fdatasync"}, {SYS_renameat, "renameat"},
    {SYS_renameat2, "renameat2"}, {SYS_unlinkat, "unlinkat"}, {SYS_mkdirat, "mkdirat"}, {SYS_flock, "flock"},
    {SYS_fcntl, "fcntl"}, {SYS_ioctl, "ioctl"}, {SYS_prctl, "prctl"}, {SYS_mmap, "mmap"}, {SYS_setns, "setns"},
    {SYS_unshare, "unshare"}, {SYS_mount, "mount"}, {SYS_umount2, "umount2"}, {SYS_kill, "kill"}, {SYS_tgkill, "tgkill"},
    {SYS_execve, "execve"}, {SYS_exit_group, "exit_group"}, {SYS_pipe2, "pipe2"}, {SYS_eventfd2, "eventfd2"},
    {SYS_utimensat, "utimensat"}, {SYS_fchmod, "fchmod"}, {SYS_fchown, "fchown"}, {SYS_linkat, "linkat"}, {SYS_symlinkat, "symlinkat"},
#ifdef __x86_64__
    {SYS_open, "open"}, {SYS_creat, "creat"}, {SYS_rename, "rename"}, {SYS_unlink, "unlink"}, {SYS_mkdir, "mkdir"},
    {SYS_rmdir, "rmdir"}, {SYS_link, "link"}, {SYS_symlink, "symlink"}, {SYS_chmod, "chmod"}, {SYS_pipe, "pipe"},
#endif
};

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static void stop(const char *what) {
    fprintf(stderr, "killing: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* the call is not made, and answers with the errno */
static void fail(pid_t thread, long error) {
#ifdef __x86_64__
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, thread, 0L, &registers)) stop("registers");
    registers.orig_rax = -1;
    registers.rax = -error;
    if (ptrace(PTRACE_SETREGS, thread, 0L, &registers)) stop("registers");
#else
    struct user_pt_regs registers;
    struct iovec all = {&registers, sizeof registers};
    int none = -1;
    struct iovec call = {&none, sizeof none};
    if (ptrace(PTRACE_GETREGSET, thread, (long)NT_PRSTATUS, &all)) stop("registers");
    registers.regs[0] = -error;
    if (ptrace(PTRACE_SETREGSET, thread, (long)NT_PRSTATUS, &all) ||
        ptrace(PTRACE_SETREGSET, thread, (long)NT_ARM_SYSTEM_CALL, &call))
        stop("registers");
#endif
}

static void filter(void) {
    static struct sock_filter code[16 + 2 * LENGTH(harmless) + 6 * LENGTH(by_argument)];
    int n = 0;
#define STATEMENT(c, value) code[n++] = (struct sock_filter)BPF_STMT(c, value)
#define UNLESS(value, skip) code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define LOAD(offset) STATEMENT(BPF_LD | BPF_W | BPF_ABS, offset)
#define ALLOW() STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define TRACE() STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)
    LOAD(offsetof(struct seccomp_data, arch));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HERE, 1, 0);
    TRACE();
    LOAD(offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < LENGTH(harmless); i++) {
        UNLESS(harmless[i], 1);
        ALLOW();
    }
    for (size_t i = 0; i < LENGTH(by_argument); i++) {
        UNLESS(by_argument[i].call, 5);
        /* the lower half; both architectures are little-endian */
        LOAD(offsetof(struct seccomp_data, args) + 8 * by_argument[i].argument);
        STATEMENT(BPF_ALU | BPF_AND | BPF_K, by_argument[i].mask);
        UNLESS(by_argument[i].value, 1);
        ALLOW();
        LOAD(offsetof(struct seccomp_data, nr));
    }
    TRACE();
    struct sock_fprog program = {.len = n, .filter = code};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) stop("seccomp (run it as root)");
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    const char *hash = strchr(argv[1], '#'), *number = hash ? hash + 1 : argv[1], *colon = strchr(number, ':');
    long when = atol(number), error = colon ? atol(colon + 1) : 0, calls = 0;
    int all = strchr(number, '+') != NULL;
    FILE *report = fopen(argv[2], "we");
    if (!report) stop(argv[2]);
    int go[2];
    if (pipe2(go, O_CLOEXEC)) stop("pipe");
    pid_t child = fork();
    if (child < 0) stop("fork");
    if (!child) {
        char byte;
        if (read(go[0], &byte, 1) != 1) _exit(1);
        filter();
        execvp(argv[3], argv + 3);
        _exit(127);
    }
    long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SEIZE, child, 0L, options)) stop("ptrace");
    if (write(go[1], "", 1) != 1) stop("pipe");

    int begun = 0, killed = 0, status;
    for (pid_t thread; (thread = waitpid(-1, &status, __WALL)) > 0;) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread == child) break;
            continue;
        }
        int event = status >> 16;
        long signal = event ? 0 : WSTOPSIG(status);
        if (event == PTRACE_EVENT_EXEC) begun = 1;
        if (event == PTRACE_EVENT_SECCOMP && begun && !killed) {
            struct ptrace_syscall_info info;
            if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) > 0) {
                const char *name = NULL;
                for (size_t i = 0; i < LENGTH(names); i++)
                    if (names[i].call == info.seccomp.nr) name = names[i].name;
                if (name) fprintf(report, "%s\n", name);
                else fprintf(report, "call %llu\n", (unsigned long long)info.seccomp.nr);
                int counts = !hash || (name && strlen(name) == (size_t)(hash - argv[1]) && !strncmp(name, argv[1], hash - argv[1]));
                if (counts) calls++;
                int meant = counts && when && (calls == when || (all && calls > when));
                if (meant && error < 0) {
                    kill(child, (int)-error);
                } else if (meant && error) {
                    if (info.seccomp.nr != SYS_exit_group) fail(thread, error); /* which cannot fail */
                } else if (meant) {
                    killed = 1;
                    kill(child, SIGKILL);
                }
            }
        }
        if (!killed) ptrace(PTRACE_CONT, thread, 0L, signal);
    }
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (killed) fprintf(report, "killed\n");
    else fprintf(report, "ended %d\n", code);
    if (fclose(report)) stop(argv[2]);
    return code;
}
