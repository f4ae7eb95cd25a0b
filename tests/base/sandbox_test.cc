// What a process can no longer do once it is in its sandbox, tried in a child, and what it still can.
#include "base/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "base/descriptor.h"
#include "base/fs.h"
#include "base/parallel.h"
#include "tests/reliability.h"
#include "tests/sanitizer.h"
#include "tests/scratch_folder.h"

namespace normlab {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// "" if the call gave `error`, and 0 stands for success; else what it gave.
std::string Unless(int error, const char* what, long result) {
  const int got = result >= 0 ? 0 : errno;
  return got == error ? ""
                      : fmt::format("{}: {}, expected {}\n", what, got == 0 ? "allowed" : std::strerror(got),
                                    error == 0 ? "success" : std::strerror(error));
}

// What `body` complains of, run in a child of its own.
std::string InChild(const std::function<std::string()>& body) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string complaints = body();
    WriteAll(ends[1], complaints);
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char piece[4096];
  for (ssize_t n = 0; (n = ::read(ends[0], piece, sizeof piece)) > 0;) {
    text.append(piece, static_cast<std::size_t>(n));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child's wait status is " << status;
  return text;
}

// A port of 127.0.0.1 on which somebody listens.
class ListeningPort {
 public:
  ListeningPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = Address(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }

  static int Connect(int port) {
    const Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = Address(port);
    return fd.get() < 0 ? -1 : ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

 private:
  static sockaddr_in Address(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  const Descriptor fd_;
  int port_ = 0;
};

class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) {
      GTEST_SKIP() << "a sanitizer traces the process that it is in";
    }
    std::filesystem::create_directories(data_);
    std::filesystem::create_directories(spool_);
    std::ofstream(data_ + "/images") << "pixels";
    std::ofstream(outside_) << "secret";
    std::filesystem::create_symlink(outside_, data_ + "/escape");
    options_.allowed.read_only = {data_, folder_.path() + "/not there"};
    options_.allowed.read_write = {spool_};
  }
  // Of tests that have nothing to see without Landlock.
  static std::string NoLandlock() {
    const auto version = LandlockVersion();
    return version.ok() ? "" : Message(version.status());
  }
  std::string InSandbox(const std::function<std::string()>& body) const {
    return InChild([&] {
      EnterSandbox(options_);
      return body();
    });
  }
  static int Open(const std::string& path, int flags) {
    const Descriptor fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
    return fd.get();
  }

  const ScratchFolder folder_;
  const std::string data_ = folder_.path() + "/data";
  const std::string spool_ = folder_.path() + "/spool";
  const std::string outside_ = folder_.path() + "/outside";
  SandboxOptions options_;
};

TEST_F(SandboxTest, ItSaysWhatIsInForce) {
  const std::string text = InChild([&] { return SandboxText(EnterSandbox(options_)); });
  EXPECT_THAT(text, StartsWith("no_new_privs, rlimits, "));
  EXPECT_THAT(text, HasSubstr("seccomp"));
  if (const auto version = LandlockVersion(); version.ok()) {
    EXPECT_EQ(text, fmt::format("no_new_privs, rlimits, landlock ABI {}, seccomp", *version));
  } else {
    EXPECT_THAT(text, HasSubstr("; not landlock: this kernel has no Landlock"));
  }
}

TEST_F(SandboxTest, WhatIsMissingIsSaidWithItsReason) {
  EXPECT_EQ(SandboxText({{"rlimits", ""}, {"landlock", "this kernel has none"}, {"seccomp", ""}}),
            "rlimits, seccomp; not landlock: this kernel has none");
  EXPECT_EQ(SandboxText({{"seccomp", "not here"}}), "none; not seccomp: not here");
  // Landlock would leave a thread that runs already alone, so it is not claimed.
  EXPECT_THAT(InChild([&] {
                std::atomic<bool> end = false;
                std::thread other([&] { end.wait(false); });
                const std::string text = SandboxText(EnterSandbox(options_));
                end = true;
                end.notify_all();
                other.join();
                return text;
              }),
              HasSubstr("; not landlock: 2 threads run already"));
}

TEST_F(SandboxTest, NoProgramGivesItNewRights) {
  EXPECT_EQ(InSandbox([] { return fmt::to_string(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); }), "1");
}

TEST_F(SandboxTest, ItsFilesAreFewAndBoundedAndItLeavesNoCore) {
  options_.open_files = 40;
  options_.file_bytes = 1000;
  options_.address_space = std::uint64_t{1} << 32;
  EXPECT_EQ(InSandbox([this] {
              ::signal(SIGXFSZ, SIG_IGN);
              std::string wrong;
              rlimit limit{};
              ::getrlimit(RLIMIT_CORE, &limit);
              wrong += limit.rlim_max == 0 ? "" : "a core file is possible\n";
              int opened = 0;
              while (::open((data_ + "/images").c_str(), O_RDONLY | O_CLOEXEC) >= 0 && opened < 1000) {
                ++opened;
              }
              wrong += opened < 40 ? "" : fmt::format("{} files could be opened\n", opened);
              ::close(39);
              const int fd = ::open((spool_ + "/large").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
              wrong += Unless(0, "write the 1000th byte", ::pwrite(fd, "x", 1, 999));
              wrong += Unless(EFBIG, "write the 1001st byte", ::pwrite(fd, "x", 1, 1000));
              const bool mapped = ::mmap(nullptr, std::size_t{1} << 33, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                                         0) != MAP_FAILED;  // NOLINT(performance-no-int-to-ptr)
              wrong += mapped ? "8 GiB of addresses could be had\n" : "";
              return wrong;
            }),
            "");
  RecordReliability(41, "files and addresses are bounded");
}

TEST_F(SandboxTest, ItReadsItsDataAndNothingElse) {
  if (const std::string why = NoLandlock(); !why.empty()) {
    GTEST_SKIP() << why;
  }
  EXPECT_EQ(InSandbox([this] {
              const std::string images = data_ + "/images";
              std::string wrong = Unless(0, "read data", Open(images, O_RDONLY));
              wrong += Unless(0, "list data", Open(data_, O_RDONLY | O_DIRECTORY));
              wrong += Unless(EACCES, "write data", Open(images, O_WRONLY));
              wrong += Unless(EACCES, "empty data", Open(images, O_WRONLY | O_TRUNC));
              wrong += Unless(EACCES, "add data", Open(data_ + "/more", O_WRONLY | O_CREAT));
              wrong += Unless(EACCES, "remove data", ::unlink(images.c_str()));
              wrong += Unless(EACCES, "read beside it", Open(outside_, O_RDONLY));
              wrong += Unless(EACCES, "read through a link in it", Open(data_ + "/escape", O_RDONLY));
              wrong += Unless(EACCES, "read the passwords", Open("/etc/shadow", O_RDONLY));
              wrong += Unless(EACCES, "read the users", Open("/etc/passwd", O_RDONLY));
              wrong += Unless(EACCES, "read memory", Open("/proc/self/mem", O_RDONLY));
              wrong += Unless(EACCES, "list the root", Open("/", O_RDONLY | O_DIRECTORY));
              return wrong;
            }),
            "");
}

TEST_F(SandboxTest, ItWritesItsSpoolAndMakesNothingButFilesThere) {
  const bool landlock = NoLandlock().empty();
  EXPECT_EQ(
      InSandbox([&] {
        std::string wrong = Unless(0, "make a file", Open(spool_ + "/a", O_RDWR | O_CREAT));
        wrong += Unless(0, "empty it", Open(spool_ + "/a", O_WRONLY | O_TRUNC));
        wrong += Unless(0, "rename it", ::rename((spool_ + "/a").c_str(), (spool_ + "/b").c_str()));
        wrong += Unless(0, "remove it", ::unlink((spool_ + "/b").c_str()));
        wrong += Unless(0, "a temporary file of ours", PosixFileSystem().AtomicWrite(spool_ + "/c", "x").ok() ? 0 : -1);
        // The way out that a writable folder would be.
        wrong += Unless(EPERM, "a symbolic link", ::symlink(outside_.c_str(), (spool_ + "/out").c_str()));
        wrong += Unless(EPERM, "a link", ::link(outside_.c_str(), (spool_ + "/out").c_str()));
        wrong += Unless(EPERM, "a device", ::mknod((spool_ + "/sda").c_str(), S_IFBLK | 0600, 0x800));
        if (landlock) {
          wrong += Unless(EACCES, "a folder", ::mkdir((spool_ + "/folder").c_str(), 0700));
          wrong += Unless(EACCES, "into another folder", ::rename((spool_ + "/c").c_str(), (data_ + "/c").c_str()));
        }
        return wrong;
      }),
      "");
}

TEST_F(SandboxTest, ItReachesItsServersPortAndNoOther) {
  const ListeningPort server, other;
  options_.allowed.connect = {server.port()};
  const auto version = LandlockVersion();
  const bool by_port = version.ok() && *version >= 4;
  EXPECT_EQ(InSandbox([&] {
              std::string wrong = Unless(0, "the server's port", ListeningPort::Connect(server.port()));
              wrong += Unless(by_port ? EACCES : 0, "another port", ListeningPort::Connect(other.port()));
              const Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
              wrong += Unless(EPERM, "listen", ::listen(fd.get(), 1));
              wrong += Unless(EPERM, "talk to the kernel", ::socket(AF_NETLINK, SOCK_RAW, 0));
              wrong += Unless(EPERM, "a Unix socket", ::socket(AF_UNIX, SOCK_STREAM, 0));
              return wrong;
            }),
            "");
}

TEST_F(SandboxTest, AWorkerOfAUnixSocketHasNoOther) {
  const ListeningPort server;
  const std::string path = folder_.path() + "/s";
  const Descriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listening.get(), 1), 0);
  EXPECT_EQ(InSandbox([&] {
              std::string wrong = Unless(EPERM, "an internet socket", ListeningPort::Connect(server.port()));
              for (const int family : {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG}) {
                wrong += Unless(EPERM, fmt::format("family {}", family).c_str(), ::socket(family, SOCK_DGRAM, 0));
              }
              const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
              wrong += Unless(0, "the server",
                              ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
              return wrong;
            }),
            "");
}

// Arguments with which none of these calls does anything where it is allowed.
TEST_F(SandboxTest, SystemCallsWithoutUseAreRefused) {
  EXPECT_EQ(InSandbox([] {
              const struct {
                const char* name;
                long number;
              } calls[] = {{"execve", SYS_execve},
                           {"execveat", SYS_execveat},
                           {"process_vm_readv", SYS_process_vm_readv},
                           {"process_vm_writev", SYS_process_vm_writev},
                           {"pidfd_open", SYS_pidfd_open},
                           {"pidfd_send_signal", SYS_pidfd_send_signal},
                           {"setns", SYS_setns},
                           {"mount", SYS_mount},
                           {"move_mount", SYS_move_mount},
                           {"pivot_root", SYS_pivot_root},
                           {"chroot", SYS_chroot},
                           {"init_module", SYS_init_module},
                           {"finit_module", SYS_finit_module},
                           {"kexec_load", SYS_kexec_load},
                           {"bpf", SYS_bpf},
                           {"perf_event_open", SYS_perf_event_open},
                           {"userfaultfd", SYS_userfaultfd},
                           {"io_uring_setup", SYS_io_uring_setup},
                           {"io_uring_enter", SYS_io_uring_enter},
                           {"keyctl", SYS_keyctl},
                           {"add_key", SYS_add_key},
                           {"open_by_handle_at", SYS_open_by_handle_at},
                           {"personality", SYS_personality},
                           {"settimeofday", SYS_settimeofday},
                           {"clock_settime", SYS_clock_settime},
                           {"fchmodat", SYS_fchmodat},
                           {"setresuid", SYS_setresuid},
                           {"shmget", SYS_shmget},
                           {"accept4", SYS_accept4}};
              std::string wrong;
              for (const auto& call : calls) {
                wrong += Unless(EPERM, call.name, ::syscall(call.number, -1L, -1L, -1L, -1L, -1L, -1L));
              }
              wrong += Unless(EPERM, "ptrace", ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
              wrong += Unless(EPERM, "unshare", ::unshare(CLONE_NEWUSER));
              wrong += Unless(EPERM, "type into the terminal", ::ioctl(0, TIOCSTI, "x"));
              wrong += Unless(EPERM, "limit another process", ::prlimit(::getppid(), RLIMIT_NOFILE, nullptr, nullptr));
              wrong += Unless(EPERM, "signal another process", ::kill(::getppid(), 0));
              wrong += Unless(0, "signal itself", ::kill(::getpid(), 0));
              return wrong;
            }),
            "");
}

TEST_F(SandboxTest, ItStartsThreadsAndNoProcess) {
  EXPECT_EQ(InSandbox([] {
              std::string wrong;
              const pid_t child = ::fork();
              if (child == 0) {
                ::_exit(0);
              }
              wrong += Unless(EPERM, "fork", child);
              wrong += Unless(ENOSYS, "clone3", ::syscall(SYS_clone3, nullptr, 0));
              int ran = 0;
              std::thread([&ran] { ran = 1; }).join();
              wrong += ran == 1 ? "" : "no thread ran\n";
              SetThreads(2);
              std::atomic<int> sum = 0;
              parallel_for(100, [&sum](std::ptrdiff_t piece) { sum += static_cast<int>(piece); });
              wrong += sum == 4950 ? "" : "a parallel loop lost its way\n";
              return wrong;
            }),
            "");
  RecordReliability(41, "no process is started");
}

TEST_F(SandboxTest, MemoryIsWrittenOrExecuted) {
  EXPECT_EQ(InSandbox([] {
              const auto map = [](int rights) {
                void* const at = ::mmap(nullptr, 4096, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                return at == MAP_FAILED ? nullptr : at;  // NOLINT(performance-no-int-to-ptr)
              };
              std::string wrong =
                  Unless(EPERM, "both at once", map(PROT_READ | PROT_WRITE | PROT_EXEC) != nullptr ? 0 : -1);
              void* const page = map(PROT_READ | PROT_WRITE);
              wrong += Unless(0, "written", page != nullptr ? 0 : -1);
              wrong += Unless(EPERM, "executed later", ::mprotect(page, 4096, PROT_READ | PROT_EXEC));
              wrong += Unless(0, "locked", ::mprotect(page, 4096, PROT_READ));
              return wrong;
            }),
            "");
}

TEST_F(SandboxTest, ThreadsThatRunAlreadyAreRefusedSystemCallsToo) {
  EXPECT_EQ(InChild([this] {
              std::atomic<bool> entered = false;
              std::string wrong;
              std::thread before([&] {
                entered.wait(false);
                wrong = Unless(EPERM, "unshare", ::unshare(CLONE_NEWUSER));
              });
              EnterSandbox(options_);
              entered = true;
              entered.notify_all();
              before.join();
              return wrong;
            }),
            "");
}

}  // namespace
}  // namespace normlab
