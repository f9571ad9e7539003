// Accepts connections for gRPC.
//
// gRPC 1.51 stops listening for ever once accept() fails for want of file
// descriptors (CVE-2023-4785), so connections are accepted here and handed
// over. Under exhaustion the loop waits, keeps one descriptor in reserve to
// turn connections away, and goes on when there are descriptors again.
#ifndef REPSCORE_SERVER_LISTENER_H_
#define REPSCORE_SERVER_LISTENER_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/file.h"

namespace repscore::server {

/// One listening socket, TCP or Unix.
class ListeningSocket {
 public:
  /// Binds "HOST:PORT", "[ADDRESS]:PORT" or "unix:PATH" without SO_REUSEPORT.
  /// A socket file that nobody listens on is replaced. InvalidArgument for a
  /// malformed address, Unavailable when it is taken.
  static absl::StatusOr<std::unique_ptr<ListeningSocket>> Bind(
      const std::string& address);
  ~ListeningSocket();

  int fd() const { return fd_.get(); }
  /// 0 for a Unix socket.
  int port() const { return port_; }
  bool is_unix() const { return !path_.empty(); }
  /// "127.0.0.1:50051" with the real port, or "unix:PATH".
  std::string address() const;

 private:
  ListeningSocket() = default;
  static absl::StatusOr<std::unique_ptr<ListeningSocket>> BindTcp(
      const std::string& address);
  static absl::StatusOr<std::unique_ptr<ListeningSocket>> BindUnix(
      const std::string& path);

  UniqueFd fd_;
  std::string host_;
  int port_ = 0;
  std::string path_;
};

/// The accept loop of one socket.
class Listener {
 public:
  /// Takes over a connected descriptor.
  using Handler = std::function<void(int listener_fd, int fd)>;

  static absl::StatusOr<std::unique_ptr<Listener>> Start(
      std::unique_ptr<ListeningSocket> socket, Handler handler);
  /// Stops.
  ~Listener();

  const ListeningSocket& socket() const { return *socket_; }

  /// Accepts no more and closes the socket; the handler is not called again.
  void Stop();

 private:
  Listener(std::unique_ptr<ListeningSocket> socket, Handler handler)
      : socket_(std::move(socket)), handler_(std::move(handler)) {}

  void Run();
  /// Accepts what waits. False when there are no descriptors left.
  bool AcceptAll();
  void TurnOneAway();
  /// Waits for a connection or Stop; `milliseconds` < 0: for ever, and only
  /// when `for_connections`. True when the loop is to go on.
  bool Wait(int milliseconds, bool for_connections);

  const std::unique_ptr<ListeningSocket> socket_;
  const Handler handler_;
  UniqueFd wake_;
  UniqueFd reserve_;
  std::thread thread_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_LISTENER_H_
