// The scripted server's datasets.
#include "repscore/v1/catalog.grpc.pb.h"
#include "tests/client/fake_pages.h"
#include "tests/client/fake_server.h"

namespace repscore::client {

using grpc::ServerContext;
using grpc::Status;

class FakeServer::Catalog final : public v1::CatalogService::Service {
 public:
  explicit Catalog(FakeServer& server) : server_(server) {}

  Status RegisterDataset(ServerContext*,
                         grpc::ServerReader<v1::RegisterDatasetRequest>* reader,
                         v1::RegisterDatasetResponse* response) override {
    v1::RegisterDatasetRequest request;
    reader->Read(&request);
    if (Status status = server_.Enter("RegisterDataset"); !status.ok()) {
      return status;
    }
    Seen& sent = server_.seen;
    sent.header = request.header();
    sent.data.clear();
    sent.chunks.clear();
    while (reader->Read(&request)) {
      sent.chunks.push_back(request.chunk().data().size());
      sent.data += request.chunk().data();
    }
    v1::Dataset& dataset = *response->mutable_dataset();
    dataset.set_name("datasets/" + sent.header.dataset_id() + "/versions/1");
    *dataset.mutable_spec() = sent.header.spec();
    dataset.set_digest("d1ce");
    return Status::OK;
  }

  Status ListDatasets(ServerContext*,
                      const v1::ListDatasetsRequest* request,
                      v1::ListDatasetsResponse* response) override {
    if (Status status = server_.Enter("ListDatasets"); !status.ok()) {
      return status;
    }
    server_.seen.page_sizes.push_back(request->page_size());
    FillPage(server_.script.datasets,
             request->page_size(),
             request->page_token(),
             response->mutable_datasets(),
             response);
    return Status::OK;
  }

  Status GetDataset(ServerContext*,
                    const v1::GetDatasetRequest* request,
                    v1::GetDatasetResponse* response) override {
    if (Status status = server_.Enter("GetDataset"); !status.ok()) {
      return status;
    }
    for (const v1::Dataset& dataset : server_.script.datasets) {
      if (dataset.name().rfind(request->name(), 0) == 0) {
        *response->mutable_dataset() = dataset;
        return Status::OK;
      }
    }
    return MakeError(grpc::StatusCode::NOT_FOUND,
                     "there is no " + request->name(),
                     {"DATASET_NOT_FOUND", "name", std::nullopt});
  }

  Status DeleteDataset(ServerContext*,
                       const v1::DeleteDatasetRequest*,
                       v1::DeleteDatasetResponse*) override {
    return server_.Enter("DeleteDataset");
  }

 private:
  FakeServer& server_;
};

std::unique_ptr<grpc::Service> FakeServer::MakeCatalog() {
  return std::make_unique<Catalog>(*this);
}

}  // namespace repscore::client
