// SQLite's C interface with owners and Status.
//
// A Database and its Statements belong to one thread at a time; the caller's
// mutex sees to that.
#ifndef REPSCORE_SERVER_CATALOG_SQLITE_H_
#define REPSCORE_SERVER_CATALOG_SQLITE_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/status_macros.h"

namespace repscore::server::sqlite {

/// Status of a failed call: ResourceExhausted for a full disk, Unavailable for
/// a lock that did not come free, DataLoss for a damaged file, AlreadyExists
/// for a constraint, else Internal.
absl::Status ErrorStatus(sqlite3* database, int code);

/// Bytes to be stored as a BLOB rather than TEXT.
struct Blob {
  std::string_view bytes;
};

class Statement {
 public:
  Statement(sqlite3* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  absl::Status Bind(int index, int64_t value);
  absl::Status Bind(int index, std::string_view text);
  absl::Status Bind(int index, Blob blob);

  /// True when there is a row to look at, false at the end.
  absl::StatusOr<bool> Step();

  int64_t Int(int column) const;
  /// TEXT or BLOB; empty for NULL.
  std::string Text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const {
      sqlite3_finalize(statement);
    }
  };

  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  /// Opens or creates a file. Waits `busy_timeout_ms` for locks.
  static absl::StatusOr<Database> Open(const std::string& path,
                                       int busy_timeout_ms);

  /// Runs statements that give no rows.
  absl::Status Execute(const std::string& sql);

  /// A statement with its parameters ?1, ?2, ... bound, not yet stepped.
  template <typename... Parameters>
  absl::StatusOr<Statement> Query(std::string_view sql,
                                  const Parameters&... parameters) {
    REPSCORE_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
    absl::Status status;
    int index = 0;
    (status.Update(BindOne(statement, ++index, parameters)), ...);
    if (!status.ok()) {
      return status;
    }
    return statement;
  }

  /// Runs a statement that changes rows; returns how many.
  template <typename... Parameters>
  absl::StatusOr<int64_t> Change(std::string_view sql,
                                 const Parameters&... parameters) {
    REPSCORE_ASSIGN_OR_RETURN(Statement statement, Query(sql, parameters...));
    REPSCORE_RETURN_IF_ERROR(statement.Step().status());
    return static_cast<int64_t>(sqlite3_changes(handle_.get()));
  }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };

  explicit Database(sqlite3* handle) : handle_(handle) {}

  template <typename Parameter>
  static absl::Status BindOne(Statement& statement,
                              int index,
                              const Parameter& parameter) {
    if constexpr (std::is_integral_v<Parameter>) {
      return statement.Bind(index, static_cast<int64_t>(parameter));
    } else if constexpr (std::is_same_v<Parameter, Blob>) {
      return statement.Bind(index, parameter);
    } else {
      const std::string_view text = parameter;
      return statement.Bind(index, text);
    }
  }

  absl::StatusOr<Statement> Prepare(std::string_view sql);

  std::unique_ptr<sqlite3, Close> handle_;
};

/// Rolls back unless committed.
class Transaction {
 public:
  static absl::StatusOr<Transaction> Begin(Database& database);

  ~Transaction();
  Transaction(Transaction&& other) noexcept
      : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;

  /// On the disk when it returns Ok.
  absl::Status Commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}

  Database* database_;
};

}  // namespace repscore::server::sqlite

#endif  // REPSCORE_SERVER_CATALOG_SQLITE_H_
