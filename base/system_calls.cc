#include "base/system_calls.h"

#include <errno.h>
#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>

namespace normlab {
namespace {

// By name: a call that this architecture or this libseccomp does not know is passed over.
constexpr const char* kRefused[] = {
    // other programs and processes
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise",
    "process_mrelease", "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "tkill", "rt_sigqueueinfo",
    "migrate_pages", "move_pages", "uselib",
    // namespaces, mounts
    "unshare", "setns", "mount", "umount", "umount2", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount",
    "fspick", "mount_setattr", "pivot_root", "chroot", "swapon", "swapoff",
    // the kernel
    "init_module", "finit_module", "delete_module", "create_module", "query_module", "kexec_load", "kexec_file_load",
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "add_key",
    "request_key", "keyctl", "lookup_dcookie", "fanotify_init", "fanotify_mark", "open_by_handle_at",
    "name_to_handle_at", "iopl", "ioperm", "modify_ldt", "vm86", "vm86old", "personality", "acct", "syslog", "quotactl",
    "quotactl_fd", "nfsservctl", "sysfs", "ustat", "_sysctl", "reboot", "vhangup", "sethostname", "setdomainname",
    "settimeofday", "clock_settime", "clock_settime64", "stime", "adjtimex", "clock_adjtime", "clock_adjtime64",
    // links, devices, owners, users
    "symlink", "symlinkat", "link", "linkat", "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "chown", "fchown",
    "lchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "setuid",
    "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset",
    // what passes between processes but sockets
    "shmget", "shmat", "msgget", "semget", "mq_open", "memfd_secret",
    // being a server
    "listen", "accept", "accept4"};

// Adds rules until one fails, and remembers how.
class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ALLOW), seccomp_release) {
    if (context_ == nullptr) {
      error_ = ENOMEM;
      return;
    }
    // no_new_privs is a layer of its own; calls of another ABI (32 bit, x32) would go past the filter.
    Set(SCMP_FLTATR_CTL_NNP, 0);
    Set(SCMP_FLTATR_CTL_TSYNC, 1);
    Set(SCMP_FLTATR_CTL_OPTIMIZE, 2);
    Set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
  }

  void Refuse(const char* name) { Add(SCMP_ACT_ERRNO(EPERM), name, {}); }
  void RefuseIf(const char* name, std::initializer_list<scmp_arg_cmp> arguments) {
    Add(SCMP_ACT_ERRNO(EPERM), name, arguments);
  }
  // As a kernel that does not have it, so that callers take another.
  void Hide(const char* name) { Add(SCMP_ACT_ERRNO(ENOSYS), name, {}); }

  // The error of what went wrong, 0 if nothing did.
  int Load() {
    if (error_ == 0) {
      error_ = -seccomp_load(context_.get());
    }
    return error_;
  }

 private:
  void Set(scmp_filter_attr attribute, std::uint32_t value) {
    if (error_ == 0) {
      error_ = -seccomp_attr_set(context_.get(), attribute, value);
    }
  }
  void Add(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> arguments) {
    const int number = seccomp_syscall_resolve_name(name);
    if (error_ != 0 || number < 0) {
      return;
    }
    error_ = -seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(arguments.size()),
                                     arguments.begin());
  }

  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
  int error_ = 0;
};

scmp_arg_cmp Equal(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp Other(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_NE, value, 0}; }
scmp_arg_cmp Above(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_GT, value, 0}; }
scmp_arg_cmp Masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

void RefuseOtherProcesses(Filter& filter) {
  // A new thread is a clone like a new process; the flags of clone3 are in memory, which a filter cannot read.
  filter.RefuseIf("clone", {Masked(0, CLONE_THREAD, 0)});
  filter.Hide("clone3");
  const auto self = static_cast<std::uint64_t>(::getpid());
  filter.RefuseIf("kill", {Other(0, self)});
  filter.RefuseIf("tgkill", {Other(0, self)});
  filter.RefuseIf("prlimit64", {Above(0, 0)});
}

void RefuseExecutableMemory(Filter& filter) {
  constexpr std::uint64_t kBoth = PROT_WRITE | PROT_EXEC;
  filter.RefuseIf("mmap", {Masked(2, kBoth, kBoth)});
  filter.RefuseIf("mprotect", {Masked(2, PROT_EXEC, PROT_EXEC)});
  filter.RefuseIf("pkey_mprotect", {Masked(2, PROT_EXEC, PROT_EXEC)});
}

void RefuseSockets(Filter& filter, bool internet) {
  for (std::uint64_t family = 0; family <= AF_INET6; ++family) {
    // Landlock has no say in whose Unix socket is connected to.
    const bool allowed = internet ? family == AF_INET || family == AF_INET6 : family == AF_UNIX;
    if (!allowed) {
      filter.RefuseIf("socket", {Equal(0, family)});
    }
  }
  filter.RefuseIf("socket", {Above(0, AF_INET6)});
  // Words put into the terminal as if its user had typed them.
  filter.RefuseIf("ioctl", {Masked(1, 0xffffffff, TIOCSTI)});
}

}  // namespace

absl::Status RefuseSystemCalls(bool internet) {
  Filter filter;
  for (const char* const name : kRefused) {
    filter.Refuse(name);
  }
  RefuseOtherProcesses(filter);
  RefuseExecutableMemory(filter);
  RefuseSockets(filter, internet);
  const int error = filter.Load();
  return error == 0 ? absl::OkStatus()
                    : absl::UnavailableError(fmt::format("load a seccomp filter: {}", std::strerror(error)));
}

}  // namespace normlab
