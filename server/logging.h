// Sets up the process's log: lines of text or JSON on standard error.
// Call once, before threads start.
#ifndef REPSCORE_SERVER_LOGGING_H_
#define REPSCORE_SERVER_LOGGING_H_

#include <string>

namespace repscore::server {

/// `level` and `format` as in Config.
void StartLogging(const std::string& level, const std::string& format);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_LOGGING_H_
