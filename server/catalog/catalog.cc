#include "server/catalog/catalog.h"

#include <utility>

#include "core/base/status_macros.h"
#include "server/catalog/analysis_store.h"
#include "server/catalog/dataset_store.h"
#include "server/catalog/names.h"
#include "server/catalog/run_store.h"
#include "server/catalog/storage.h"

namespace repscore::server {
namespace {

class SqliteCatalog final : public Catalog {
 public:
  SqliteCatalog(std::unique_ptr<Storage> storage, const CatalogOptions& options)
      : storage_(std::move(storage)),
        datasets_(*storage_, options.cache_bytes),
        runs_(*storage_),
        analyses_(*storage_) {}

  absl::StatusOr<std::unique_ptr<DatasetUpload>> BeginUpload(
      const std::string& dataset_id,
      const DatasetDescription& description,
      const std::string& sha256) override {
    return datasets_.BeginUpload(dataset_id, description, sha256);
  }
  absl::StatusOr<DatasetRecord> GetDataset(std::string_view name) override {
    return datasets_.Get(name);
  }
  absl::StatusOr<Page<DatasetRecord>> ListDatasets(
      const PageRequest& page) override {
    return datasets_.List(page);
  }
  absl::Status DeleteDataset(std::string_view name) override {
    return datasets_.Delete(name);
  }
  absl::StatusOr<std::shared_ptr<const Dataset>> LoadDataset(
      std::string_view name) override {
    return datasets_.Load(name);
  }

  absl::Status CreateRun(const RunRecord& run) override {
    return runs_.Create(run);
  }
  absl::Status RecordRun(const RunRecord& run,
                         absl::Span<const RunEventRecord> events,
                         std::string_view checkpoint) override {
    return runs_.Record(run, events, checkpoint);
  }
  absl::StatusOr<RunRecord> GetRun(std::string_view run_id) override {
    return runs_.Get(run_id);
  }
  absl::StatusOr<Page<RunRecord>> ListRuns(const PageRequest& page) override {
    return runs_.List(page);
  }
  absl::StatusOr<std::vector<RunEventRecord>> ReadRunEvents(
      std::string_view run_id, int64_t after_sequence, int64_t limit) override {
    return runs_.ReadEvents(run_id, after_sequence, limit);
  }
  absl::StatusOr<std::string> ReadCheckpoint(std::string_view run_id) override {
    return runs_.ReadCheckpoint(run_id);
  }
  absl::Status PutRunArrays(std::string_view run_id,
                            absl::Span<const RunArrayRecord> arrays) override {
    return runs_.PutArrays(run_id, arrays);
  }
  absl::StatusOr<RunArrayRecord> ReadRunArray(
      std::string_view run_id, std::string_view array_name) override {
    return runs_.ReadArray(run_id, array_name);
  }
  absl::StatusOr<std::vector<RunRecord>> UnfinishedRuns() override {
    return runs_.Unfinished();
  }
  absl::StatusOr<std::vector<RunRecord>> SucceededRuns(
      std::string_view dataset_digest, int64_t max_request_bytes) override {
    return runs_.Succeeded(dataset_digest, max_request_bytes);
  }
  absl::StatusOr<RunRecord> FindCalibrationRun(
      std::string_view dataset_digest,
      std::string_view calibration_key) override {
    return runs_.FindCalibration(dataset_digest, calibration_key);
  }

  absl::StatusOr<std::vector<PendingCalibration>> PendingCalibrations()
      override {
    return analyses_.PendingCalibrations();
  }
  absl::Status DropPendingCalibration(int64_t plan_number) override {
    return analyses_.DropPendingCalibration(plan_number);
  }
  absl::StatusOr<std::string> GetAnalysis(std::string_view dataset_digest,
                                          std::string_view kind,
                                          std::string_view request) override {
    return analyses_.Get(dataset_digest, kind, request);
  }
  absl::Status PutAnalysis(std::string_view dataset_digest,
                           std::string_view kind,
                           std::string_view request,
                           std::string_view result) override {
    return analyses_.Put(dataset_digest, kind, request, result);
  }

 private:
  std::unique_ptr<Storage> storage_;
  DatasetStore datasets_;
  RunStore runs_;
  AnalysisStore analyses_;
};

}  // namespace

std::string DatasetRecord::Name() const {
  return FormatDatasetName(dataset_id, version);
}

absl::StatusOr<std::unique_ptr<Catalog>> Catalog::Open(
    const std::string& directory, const CatalogOptions& options) {
  REPSCORE_ASSIGN_OR_RETURN(std::unique_ptr<Storage> storage,
                            Storage::Open(directory));
  return std::make_unique<SqliteCatalog>(std::move(storage), options);
}

}  // namespace repscore::server
