// What the tests of the catalog share.
#ifndef REPSCORE_TESTS_SERVER_CATALOG_CATALOG_SUPPORT_H_
#define REPSCORE_TESTS_SERVER_CATALOG_CATALOG_SUPPORT_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/digest.h"
#include "server/catalog/catalog.h"

namespace repscore::server::testing {

using Bytes = std::vector<std::byte>;

/// A new directory, removed with what is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    path_ = ::testing::TempDir() + "/repscore_catalog_XXXXXX";
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::unique_ptr<Catalog> OpenOrDie(const std::string& path,
                                          const CatalogOptions& options = {}) {
  absl::StatusOr<std::unique_ptr<Catalog>> catalog =
      Catalog::Open(path, options);
  EXPECT_TRUE(catalog.ok()) << catalog.status();
  return catalog.ok() ? *std::move(catalog) : nullptr;
}

inline Bytes BytesOf(const std::vector<float>& values) {
  Bytes bytes(values.size() * sizeof(float));
  if (!values.empty()) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
  }
  return bytes;
}

/// float32 [rows x 2]
inline DatasetDescription Matrix(int64_t rows) {
  DatasetDescription description;
  description.spec = {DataType::kFloat32, {rows, 2}};
  return description;
}

inline absl::StatusOr<DatasetUpload::Committed> Register(
    Catalog& catalog,
    const std::string& id,
    const std::vector<float>& values,
    const DatasetDescription& description) {
  const Bytes bytes = BytesOf(values);
  absl::StatusOr<std::unique_ptr<DatasetUpload>> upload = catalog.BeginUpload(
      id, description, Sha256Hex(absl::MakeConstSpan(bytes)));
  if (!upload.ok()) {
    return upload.status();
  }
  if (absl::Status status = (*upload)->Append(bytes); !status.ok()) {
    return status;
  }
  return (*upload)->Commit();
}

inline absl::StatusOr<DatasetUpload::Committed> Register(
    Catalog& catalog, const std::string& id, const std::vector<float>& values) {
  return Register(
      catalog, id, values, Matrix(static_cast<int64_t>(values.size() / 2)));
}

/// Registers with a calibration plan.
inline absl::StatusOr<DatasetUpload::Committed> RegisterWithPlan(
    Catalog& catalog,
    const std::string& id,
    const std::vector<float>& values,
    const std::string& plan) {
  const Bytes bytes = BytesOf(values);
  absl::StatusOr<std::unique_ptr<DatasetUpload>> upload =
      catalog.BeginUpload(id,
                          Matrix(static_cast<int64_t>(values.size() / 2)),
                          Sha256Hex(absl::MakeConstSpan(bytes)));
  if (!upload.ok()) {
    return upload.status();
  }
  (*upload)->KeepCalibration(plan);
  if (absl::Status status = (*upload)->Append(bytes); !status.ok()) {
    return status;
  }
  return (*upload)->Commit();
}

/// One array of a run, as PutRunArrays takes it.
inline std::vector<RunArrayRecord> ArrayOf(const std::string& name,
                                           const std::vector<float>& values) {
  std::vector<RunArrayRecord> arrays(1);
  arrays[0].name = name;
  arrays[0].spec = "spec";
  arrays[0].bytes = BytesOf(values);
  return arrays;
}

inline RunRecord NewRun(const std::string& id) {
  RunRecord run;
  run.run_id = id;
  run.kind = 1;
  run.dataset_version_name = "datasets/a/versions/1";
  run.request = std::string("request\0of ", 11) + id;
  run.summary = "queued";
  run.create_time_micros = 5;
  run.update_time_micros = 6;
  return run;
}

/// Regular files below a folder, by path relative to it.
inline std::vector<std::string> FilesBelow(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files.push_back(std::filesystem::relative(entry.path(), folder).string());
    }
  }
  return files;
}

inline std::string BlobPath(const std::string& folder,
                            const std::string& digest) {
  return folder + "/blobs/" + digest.substr(0, 2) + "/" + digest;
}

}  // namespace repscore::server::testing

#endif  // REPSCORE_TESTS_SERVER_CATALOG_CATALOG_SUPPORT_H_
