#include "server/listener.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {
namespace {

TEST(ListeningSocket, PortZeroBecomesARealPort) {
  const auto socket = ListeningSocket::Bind("127.0.0.1:0");

  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_GT((*socket)->port(), 0);
  EXPECT_EQ((*socket)->address(),
            "127.0.0.1:" + std::to_string((*socket)->port()));
}

TEST(ListeningSocket, TakenPortIsUnavailable) {
  const auto first = ListeningSocket::Bind("127.0.0.1:0");
  ASSERT_TRUE(first.ok());

  const auto second = ListeningSocket::Bind((*first)->address());

  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
}

TEST(ListeningSocket, MalformedAddressesAreInvalid) {
  for (const char* address : {"",
                              "x",
                              ":1",
                              "127.0.0.1:",
                              "127.0.0.1:70000",
                              "127.0.0.1:-1",
                              "127.0.0.1:a",
                              "unix:"}) {
    EXPECT_EQ(ListeningSocket::Bind(address).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST(ListeningSocket, LeftOverSocketFileIsReplacedAndAServedOneIsNot) {
  const std::string path = ::testing::TempDir() + "repscore-listen.sock";
  unlink(path.c_str());
  {
    const UniqueFd left_over(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(left_over.get(),
                   reinterpret_cast<sockaddr*>(&address),
                   sizeof(address)),
              0);
  }

  const auto first = ListeningSocket::Bind("unix:" + path);
  const auto second = ListeningSocket::Bind("unix:" + path);

  EXPECT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
}

TEST(ListeningSocket, OrdinaryFileIsNotReplaced) {
  const std::string path = ::testing::TempDir() + "repscore-listen.txt";
  std::ofstream(path) << "text";

  const auto socket = ListeningSocket::Bind("unix:" + path);

  EXPECT_EQ(socket.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
  unlink(path.c_str());
}

TEST(Listener, AcceptsAgainAfterDescriptorsRanOut) {
  auto socket = ListeningSocket::Bind("127.0.0.1:0");
  ASSERT_TRUE(socket.ok());
  const int port = (*socket)->port();
  std::mutex mutex;
  std::vector<UniqueFd> accepted;
  auto listener =
      Listener::Start(*std::move(socket), [&](int /*listener_fd*/, int fd) {
        const std::lock_guard lock(mutex);
        accepted.emplace_back(fd);
      });
  ASSERT_TRUE(listener.ok());
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return accepted.size();
  };
  std::vector<UniqueFd> clients;
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = 100;
  clients.reserve(60);
  for (int i = 0; i < 60; ++i) {
    clients.push_back(ConnectTcp(port));
  }
  ASSERT_TRUE(Eventually([&] { return count() > 20U; }));
  setrlimit(RLIMIT_NOFILE, &low);
  for (int i = 0; i < 60; ++i) {
    clients.push_back(ConnectTcp(port));
  }

  clients.clear();
  {
    const std::lock_guard lock(mutex);
    accepted.clear();
  }
  setrlimit(RLIMIT_NOFILE, &before);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const size_t then = count();
  const UniqueFd client = ConnectTcp(port);

  EXPECT_TRUE(Eventually([&] { return count() > then; }));
  (*listener)->Stop();
}

}  // namespace
}  // namespace repscore::server
