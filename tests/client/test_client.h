// A client of a FakeServer that loses no time between attempts.
#ifndef REPSCORE_TESTS_CLIENT_TEST_CLIENT_H_
#define REPSCORE_TESTS_CLIENT_TEST_CLIENT_H_

#include <memory>

#include "client/cpp/client.h"
#include "tests/client/fake_server.h"

namespace repscore::client {

inline std::unique_ptr<Client> ConnectTo(const FakeServer& server,
                                         int attempts = 4) {
  const RetryPolicy quick = {.max_attempts = attempts,
                             .initial_backoff = absl::Milliseconds(20),
                             .max_backoff = absl::Milliseconds(200)};
  ConnectOptions options;
  options.address = server.address();
  options.retry = quick;
  options.reattach = quick;
  return Client::Connect(options).value();
}

}  // namespace repscore::client

#endif  // REPSCORE_TESTS_CLIENT_TEST_CLIENT_H_
