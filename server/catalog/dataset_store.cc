#include "server/catalog/dataset_store.h"

#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/data/row_matching.h"
#include "server/catalog/description_json.h"
#include "server/catalog/names.h"
#include "server/catalog/upload.h"

namespace repscore::server {
namespace {

using sqlite::Blob;
using sqlite::Database;
using sqlite::Statement;

/// Columns in the order ReadRecord takes them.
constexpr char kColumns[] =
    "dataset_id, version, digest, data_sha256, description, create_time_micros";

/// A page ends early where its descriptions pass this: it has to fit a message.
constexpr size_t kMaxPageBytes = size_t{2} << 20;

int64_t NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string SelectRecords(std::string_view clauses) {
  return absl::StrCat(
      "SELECT ", kColumns, " FROM dataset_versions ", std::string(clauses));
}

absl::StatusOr<DatasetRecord> ReadRecord(const Statement& row) {
  DatasetRecord record;
  record.dataset_id = row.Text(0);
  record.version = row.Int(1);
  record.digest = row.Text(2);
  record.data_sha256 = row.Text(3);
  REPSCORE_ASSIGN_OR_RETURN(record.description, FromJson(row.Text(4)));
  record.create_time_micros = row.Int(5);
  return record;
}

absl::StatusOr<Statement> QueryByName(Database& database,
                                      const DatasetName& name) {
  if (name.version.has_value()) {
    return database.Query(
        SelectRecords("WHERE dataset_id = ?1 AND version = ?2"),
        name.dataset_id,
        *name.version);
  }
  return database.Query(
      SelectRecords("WHERE dataset_id = ?1 ORDER BY version DESC LIMIT 1"),
      name.dataset_id);
}

absl::Status NoSuchDataset(std::string_view name) {
  return absl::NotFoundError(absl::StrCat("there is no dataset ", Shown(name)));
}

absl::StatusOr<std::optional<DatasetRecord>> FindContent(
    Database& database,
    const std::string& dataset_id,
    const std::string& digest) {
  REPSCORE_ASSIGN_OR_RETURN(
      Statement query,
      database.Query(SelectRecords("WHERE dataset_id = ?1 AND digest = ?2"),
                     dataset_id,
                     digest));
  REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
  if (!has_row) {
    return std::optional<DatasetRecord>();
  }
  REPSCORE_ASSIGN_OR_RETURN(DatasetRecord record, ReadRecord(query));
  return std::optional<DatasetRecord>(std::move(record));
}

absl::StatusOr<int64_t> TakeVersion(Database& database,
                                    const std::string& dataset_id) {
  REPSCORE_ASSIGN_OR_RETURN(
      Statement upsert,
      database.Query("INSERT INTO datasets (dataset_id, next_version)"
                     " VALUES (?1, 2) ON CONFLICT (dataset_id)"
                     " DO UPDATE SET next_version = next_version + 1"
                     " RETURNING next_version - 1",
                     dataset_id));
  REPSCORE_RETURN_IF_ERROR(upsert.Step().status());
  return upsert.Int(0);
}

absl::Status Insert(Database& database, const DatasetRecord& record) {
  return database
      .Change(absl::StrCat("INSERT INTO dataset_versions (",
                           kColumns,
                           ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
              record.dataset_id,
              record.version,
              record.digest,
              record.data_sha256,
              ToJson(record.description),
              record.create_time_micros)
      .status();
}

/// A calibration that is still to be started; none when `plan` is empty.
absl::Status InsertPlan(Database& database,
                        const DatasetRecord& record,
                        const std::string& plan) {
  if (plan.empty()) {
    return absl::OkStatus();
  }
  return database
      .Change(
          "INSERT INTO calibration_plans (dataset_id, version, plan)"
          " VALUES (?1, ?2, ?3)",
          record.dataset_id,
          record.version,
          Blob{plan})
      .status();
}

/// What was kept for versions that are gone.
absl::Status DropOrphans(Database& database) {
  return database.Execute(
      "DELETE FROM calibration_plans WHERE NOT EXISTS"
      " (SELECT 1 FROM dataset_versions AS v"
      "  WHERE v.dataset_id = calibration_plans.dataset_id"
      "  AND v.version = calibration_plans.version);"
      "DELETE FROM analyses WHERE dataset_digest NOT IN"
      " (SELECT digest FROM dataset_versions)");
}

}  // namespace

absl::StatusOr<std::unique_ptr<DatasetUpload>> DatasetStore::BeginUpload(
    const std::string& dataset_id,
    const DatasetDescription& description,
    const std::string& sha256) {
  REPSCORE_RETURN_IF_ERROR(CheckId(dataset_id, "dataset_id"));
  DatasetRecord draft;
  draft.dataset_id = dataset_id;
  draft.description = description;
  REPSCORE_ASSIGN_OR_RETURN(draft.data_sha256, ParseSha256(sha256));
  REPSCORE_RETURN_IF_ERROR(Normalize(draft.description));
  draft.digest = ContentDigest(draft.description, draft.data_sha256);
  REPSCORE_ASSIGN_OR_RETURN(const int64_t bytes,
                            CheckedByteSize(draft.description.spec, "spec"));
  REPSCORE_RETURN_IF_ERROR(storage_.blobs().CheckRoom(bytes));
  REPSCORE_ASSIGN_OR_RETURN(std::unique_ptr<BlobWriter> blob,
                            storage_.blobs().Create("register"));
  return std::make_unique<StoredUpload>(
      *this, std::move(draft), bytes, std::move(blob));
}

absl::StatusOr<DatasetUpload::Committed> DatasetStore::Register(
    const DatasetRecord& draft, const std::string& plan, BlobWriter& blob) {
  DatasetUpload::Committed committed;
  committed.record = draft;
  const auto change = [&record = committed.record,
                       &is_there = committed.already_registered,
                       &plan](Database& database,
                              std::vector<std::string>&) -> absl::Status {
    REPSCORE_ASSIGN_OR_RETURN(
        std::optional<DatasetRecord> existing,
        FindContent(database, record.dataset_id, record.digest));
    is_there = existing.has_value();
    if (is_there) {
      record = *std::move(existing);
      return InsertPlan(database, record, plan);
    }
    REPSCORE_ASSIGN_OR_RETURN(record.version,
                              TakeVersion(database, record.dataset_id));
    record.create_time_micros = NowMicros();
    REPSCORE_RETURN_IF_ERROR(Insert(database, record));
    return InsertPlan(database, record, plan);
  };
  REPSCORE_RETURN_IF_ERROR(storage_.Write("register", {&blob}, change));
  return committed;
}

absl::StatusOr<DatasetRecord> DatasetStore::Get(std::string_view name) {
  REPSCORE_ASSIGN_OR_RETURN(const DatasetName parsed, ParseDatasetName(name));
  return storage_.Read(
      [&](Database& database) -> absl::StatusOr<DatasetRecord> {
        REPSCORE_ASSIGN_OR_RETURN(Statement query,
                                  QueryByName(database, parsed));
        REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
        if (!has_row) {
          return NoSuchDataset(name);
        }
        return ReadRecord(query);
      });
}

absl::StatusOr<Page<DatasetRecord>> DatasetStore::List(
    const PageRequest& page) {
  REPSCORE_ASSIGN_OR_RETURN(const int64_t size, PageSize(page.size));
  REPSCORE_ASSIGN_OR_RETURN(const std::string after,
                            ParsePageToken(Listing::kDatasets, page.token));
  return storage_.Read(
      [&](Database& database) -> absl::StatusOr<Page<DatasetRecord>> {
        REPSCORE_ASSIGN_OR_RETURN(
            Statement query,
            database.Query(
                SelectRecords("AS v WHERE dataset_id > ?1 AND version ="
                              " (SELECT MAX(version) FROM dataset_versions"
                              "  WHERE dataset_id = v.dataset_id)"
                              " ORDER BY dataset_id LIMIT ?2"),
                after,
                size + 1));
        Page<DatasetRecord> result;
        size_t bytes = 0;
        while (true) {
          REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
          if (!has_row) {
            return result;
          }
          if (static_cast<int64_t>(result.items.size()) == size ||
              bytes > kMaxPageBytes) {
            result.next_page_token = FormatPageToken(
                Listing::kDatasets, result.items.back().dataset_id);
            return result;
          }
          bytes += query.Text(4).size();
          REPSCORE_ASSIGN_OR_RETURN(DatasetRecord record, ReadRecord(query));
          result.items.push_back(std::move(record));
        }
      });
}

absl::Status DatasetStore::Delete(std::string_view name) {
  REPSCORE_ASSIGN_OR_RETURN(const DatasetName parsed, ParseDatasetName(name));
  std::vector<int64_t> versions;
  const auto change = [&](Database& database,
                          std::vector<std::string>& dropped) -> absl::Status {
    REPSCORE_ASSIGN_OR_RETURN(
        Statement removal,
        database.Query("DELETE FROM dataset_versions WHERE dataset_id = ?1"
                       " AND (?2 = 0 OR version = ?2)"
                       " RETURNING version, data_sha256",
                       parsed.dataset_id,
                       parsed.version.value_or(0)));
    while (true) {
      REPSCORE_ASSIGN_OR_RETURN(const bool has_row, removal.Step());
      if (!has_row) {
        break;
      }
      versions.push_back(removal.Int(0));
      dropped.push_back(removal.Text(1));
    }
    return versions.empty() ? NoSuchDataset(name) : DropOrphans(database);
  };
  REPSCORE_RETURN_IF_ERROR(storage_.Write("delete", {}, change));
  for (const int64_t version : versions) {
    cache_.Erase(FormatDatasetName(parsed.dataset_id, version));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Dataset>> DatasetStore::Load(
    std::string_view name) {
  REPSCORE_ASSIGN_OR_RETURN(const DatasetRecord record, Get(name));
  if (std::shared_ptr<const Dataset> dataset = cache_.Find(record.Name())) {
    return dataset;
  }
  // One at a time: threads that want the same dataset get one copy of it.
  const std::lock_guard<std::mutex> lock(load_mutex_);
  if (std::shared_ptr<const Dataset> dataset = cache_.Find(record.Name())) {
    return dataset;
  }
  absl::StatusOr<std::shared_ptr<const Dataset>> dataset = LoadFromDisk(record);
  if (dataset.ok()) {
    cache_.Insert(*dataset);
  }
  return dataset;
}

absl::StatusOr<std::shared_ptr<const Dataset>> DatasetStore::LoadFromDisk(
    const DatasetRecord& record) {
  const std::string name = record.Name();
  absl::StatusOr<std::vector<std::byte>> bytes =
      storage_.ReadBlob([&]() -> absl::StatusOr<std::string> {
        REPSCORE_ASSIGN_OR_RETURN(const DatasetRecord current, Get(name));
        return current.data_sha256;
      });
  if (!bytes.ok()) {
    return WithPrefix(bytes.status(), name);
  }
  REPSCORE_ASSIGN_OR_RETURN(const int64_t expected,
                            CheckedByteSize(record.description.spec, "spec"));
  if (static_cast<int64_t>(bytes->size()) != expected) {
    return absl::DataLossError(absl::StrCat(name,
                                            ": ",
                                            ToString(record.description.spec),
                                            " takes ",
                                            expected,
                                            " bytes, stored are ",
                                            bytes->size()));
  }
  auto dataset = std::make_shared<Dataset>();
  dataset->name = name;
  dataset->version = record.version;
  dataset->digest = record.digest;
  dataset->description = record.description;
  dataset->data = *std::move(bytes);
  return AverageRepetitions(std::move(dataset));
}

}  // namespace repscore::server
