#include "server/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace repscore::server {
namespace {

constexpr int kBacklog = 1024;
constexpr char kUnixPrefix[] = "unix:";
constexpr int kMinBackoffMillis = 10;
constexpr int kMaxBackoffMillis = 1000;

absl::Status Malformed(const std::string& address) {
  return absl::InvalidArgumentError(
      absl::StrCat("listen: ", address, " is not HOST:PORT or unix:PATH"));
}

absl::Status SocketError(const std::string& address, int error) {
  return absl::UnavailableError(absl::StrCat(
      "listen: cannot serve on ", address, ": ", std::strerror(error)));
}

struct HostAndPort {
  std::string host;
  std::string port;
};

absl::StatusOr<HostAndPort> SplitAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return Malformed(address);
  }
  HostAndPort result{.host = address.substr(0, colon),
                     .port = address.substr(colon + 1)};
  int port = 0;
  if (!absl::SimpleAtoi(result.port, &port) || port < 0 || port > 65535) {
    return Malformed(address);
  }
  if (absl::StartsWith(result.host, "[") && absl::EndsWith(result.host, "]")) {
    result.host = result.host.substr(1, result.host.size() - 2);
  }
  return result;
}

int PortOf(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return 0;
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 address{};
    std::memcpy(&address, &storage, sizeof(address));
    return ntohs(address.sin6_port);
  }
  sockaddr_in address{};
  std::memcpy(&address, &storage, sizeof(address));
  return ntohs(address.sin_port);
}

/// Binds and listens; errno on failure.
bool BindAndListen(int fd, const sockaddr* address, socklen_t size) {
  return bind(fd, address, size) == 0 && listen(fd, kBacklog) == 0;
}

UniqueFd NewSocket(int family) {
  return UniqueFd(
      socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void SetOption(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof(value));
}

/// Whether the path is a socket file that nobody listens on.
bool IsLeftOver(const sockaddr_un& address) {
  struct stat status {};
  if (lstat(address.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
    return false;
  }
  const UniqueFd probe = NewSocket(AF_UNIX);
  return connect(probe.get(),
                 reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address)) != 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ListeningSocket>> ListeningSocket::Bind(
    const std::string& address) {
  if (absl::StartsWith(address, kUnixPrefix)) {
    return BindUnix(address.substr(std::strlen(kUnixPrefix)));
  }
  return BindTcp(address);
}

absl::StatusOr<std::unique_ptr<ListeningSocket>> ListeningSocket::BindTcp(
    const std::string& address) {
  REPSCORE_ASSIGN_OR_RETURN(const HostAndPort parts, SplitAddress(address));
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error =
          getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found);
      error != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "listen: cannot resolve ", address, ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found,
                                                                 freeaddrinfo);
  int error = 0;
  for (const addrinfo* item = found; item != nullptr; item = item->ai_next) {
    std::unique_ptr<ListeningSocket> result(new ListeningSocket);
    result->fd_ = NewSocket(item->ai_family);
    SetOption(result->fd(), SOL_SOCKET, SO_REUSEADDR, 1);
    SetOption(result->fd(), IPPROTO_TCP, TCP_NODELAY, 1);
    if (BindAndListen(result->fd(), item->ai_addr, item->ai_addrlen)) {
      result->host_ = address.substr(0, address.rfind(':'));
      result->port_ = PortOf(result->fd());
      return result;
    }
    error = errno;
  }
  return SocketError(address, error);
}

absl::StatusOr<std::unique_ptr<ListeningSocket>> ListeningSocket::BindUnix(
    const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return Malformed(kUnixPrefix + path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  std::unique_ptr<ListeningSocket> result(new ListeningSocket);
  result->fd_ = NewSocket(AF_UNIX);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  bool is_bound = BindAndListen(result->fd(), generic, sizeof(address));
  int error = errno;
  if (!is_bound && error == EADDRINUSE && IsLeftOver(address)) {
    unlink(path.c_str());
    is_bound = BindAndListen(result->fd(), generic, sizeof(address));
    error = errno;
  }
  if (!is_bound) {
    return SocketError(kUnixPrefix + path, error);
  }
  result->path_ = path;
  return result;
}

ListeningSocket::~ListeningSocket() {
  if (is_unix()) {
    unlink(path_.c_str());
  }
}

std::string ListeningSocket::address() const {
  return is_unix() ? kUnixPrefix + path_ : absl::StrCat(host_, ":", port_);
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Start(
    std::unique_ptr<ListeningSocket> socket, Handler handler) {
  std::unique_ptr<Listener> listener(
      new Listener(std::move(socket), std::move(handler)));
  listener->wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  listener->reserve_ = UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!listener->wake_.valid() || !listener->reserve_.valid()) {
    return SocketError(listener->socket().address(), errno);
  }
  listener->thread_ = std::thread([raw = listener.get()] { raw->Run(); });
  return listener;
}

Listener::~Listener() {
  Stop();
}

void Listener::Stop() {
  if (!thread_.joinable()) {
    return;
  }
  const uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof(one)) != sizeof(one)) {
    spdlog::error("cannot stop listening: {}", std::strerror(errno));
  }
  thread_.join();
}

void Listener::Run() {
  int backoff = kMinBackoffMillis;
  while (Wait(-1, true)) {
    if (AcceptAll()) {
      backoff = kMinBackoffMillis;
      continue;
    }
    spdlog::warn("no file descriptors left on {}: connections are turned away",
                 socket_->address());
    TurnOneAway();
    if (!Wait(backoff, false)) {
      return;
    }
    backoff = std::min(2 * backoff, kMaxBackoffMillis);
  }
}

bool Listener::AcceptAll() {
  for (;;) {
    const int fd =
        accept4(socket_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      handler_(socket_->fd(), fd);
      continue;
    }
    switch (errno) {
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return false;
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
        continue;
      default:
        return true;
    }
  }
}

void Listener::TurnOneAway() {
  reserve_.Reset();
  const UniqueFd turned_away(
      accept4(socket_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

bool Listener::Wait(int milliseconds, bool for_connections) {
  if (!reserve_.valid()) {
    reserve_ = UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  pollfd waits[2] = {{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                     {.fd = socket_->fd(), .events = POLLIN, .revents = 0}};
  poll(waits, for_connections ? 2 : 1, milliseconds);
  return (waits[0].revents & POLLIN) == 0;
}

}  // namespace repscore::server
