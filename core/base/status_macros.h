// Early return of failed absl::Status and absl::StatusOr values.
#ifndef REPSCORE_CORE_BASE_STATUS_MACROS_H_
#define REPSCORE_CORE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// A parenthesised target could not be a declaration.
// NOLINTBEGIN(bugprone-macro-parentheses)

#define REPSCORE_RETURN_IF_ERROR(expression)          \
  do {                                                \
    if (absl::Status repscore_status_ = (expression); \
        !repscore_status_.ok()) {                     \
      return repscore_status_;                        \
    }                                                 \
  } while (false)

#define REPSCORE_CONCATENATE_INNER(a, b) a##b
#define REPSCORE_CONCATENATE(a, b) REPSCORE_CONCATENATE_INNER(a, b)

#define REPSCORE_ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) {                                               \
    return result.status();                                         \
  }                                                                 \
  target = std::move(result).value()

#define REPSCORE_ASSIGN_OR_RETURN(target, expression) \
  REPSCORE_ASSIGN_OR_RETURN_INNER(                    \
      REPSCORE_CONCATENATE(repscore_result_, __LINE__), target, expression)

// NOLINTEND(bugprone-macro-parentheses)

#endif  // REPSCORE_CORE_BASE_STATUS_MACROS_H_
