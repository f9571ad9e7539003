#include "server/catalog/sqlite.h"

#include "absl/strings/str_cat.h"

namespace repscore::server::sqlite {
namespace {

absl::StatusCode CodeOf(int code) {
  switch (code & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_CONSTRAINT:
      return absl::StatusCode::kAlreadyExists;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status ErrorStatus(sqlite3* database, int code) {
  return absl::Status(
      CodeOf(code),
      absl::StrCat("database: ",
                   sqlite3_errstr(code),
                   database == nullptr ? "" : ": ",
                   database == nullptr ? "" : sqlite3_errmsg(database)));
}

absl::Status Statement::Bind(int index, int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), index, value);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorStatus(database_, code);
}

absl::Status Statement::Bind(int index, std::string_view text) {
  const char* const data = text.data() == nullptr ? "" : text.data();
  const int code = sqlite3_bind_text64(statement_.get(),
                                       index,
                                       data,
                                       text.size(),
                                       SQLITE_TRANSIENT,
                                       SQLITE_UTF8);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorStatus(database_, code);
}

absl::Status Statement::Bind(int index, Blob blob) {
  const char* const data =
      blob.bytes.data() == nullptr ? "" : blob.bytes.data();
  const int code = sqlite3_bind_blob64(
      statement_.get(), index, data, blob.bytes.size(), SQLITE_TRANSIENT);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorStatus(database_, code);
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    return false;
  }
  return ErrorStatus(database_, code);
}

int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::Text(int column) const {
  const void* const data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string()
                         : std::string(static_cast<const char*>(data),
                                       static_cast<size_t>(size));
}

absl::StatusOr<Database> Database::Open(const std::string& path,
                                        int busy_timeout_ms) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(),
      &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
      nullptr);
  Database database(handle);
  if (code != SQLITE_OK) {
    return ErrorStatus(handle, code);
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  return database;
}

absl::Status Database::Execute(const std::string& sql) {
  const int code =
      sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus()
                           : ErrorStatus(handle_.get(), code);
}

absl::StatusOr<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(handle_.get(),
                                      sql.data(),
                                      static_cast<int>(sql.size()),
                                      &statement,
                                      nullptr);
  if (code != SQLITE_OK) {
    return ErrorStatus(handle_.get(), code);
  }
  return Statement(handle_.get(), statement);
}

absl::StatusOr<Transaction> Transaction::Begin(Database& database) {
  REPSCORE_RETURN_IF_ERROR(database.Execute("BEGIN IMMEDIATE"));
  return Transaction(&database);
}

Transaction::~Transaction() {
  if (database_ != nullptr) {
    // Fails only where SQLite has rolled back by itself.
    database_->Execute("ROLLBACK").IgnoreError();
  }
}

absl::Status Transaction::Commit() {
  REPSCORE_RETURN_IF_ERROR(database_->Execute("COMMIT"));
  database_ = nullptr;
  return absl::OkStatus();
}

}  // namespace repscore::server::sqlite
