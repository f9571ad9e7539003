// The scripted server's comparisons.
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "repscore/v1/comparison.grpc.pb.h"
#include "tests/client/fake_scores.h"
#include "tests/client/fake_server.h"

namespace repscore::client {

using grpc::ServerContext;
using grpc::Status;

class FakeServer::Comparison final : public v1::ComparisonService::Service {
 public:
  explicit Comparison(FakeServer& server) : server_(server) {}

  Status Compare(ServerContext*,
                 const v1::CompareRequest* request,
                 v1::CompareResponse* response) override {
    if (Status status = server_.Enter("Compare"); !status.ok()) {
      return status;
    }
    server_.seen.compare = *request;
    FillScores(*request, response->mutable_scores());
    FillProvenance("", *response->mutable_provenance());
    return Status::OK;
  }

  // The score of systems i and j is |i - j| / 2.
  Status ComparePairwise(
      ServerContext* context,
      const v1::ComparePairwiseRequest* request,
      grpc::ServerWriter<v1::ComparePairwiseResponse>* writer) override {
    if (Status status = server_.Enter("ComparePairwise"); !status.ok()) {
      return status;
    }
    server_.seen.pairwise = *request;
    for (int i = 1; i <= server_.script.pairwise_progress; ++i) {
      v1::ComparePairwiseResponse response;
      response.mutable_progress()->set_pairs_done(i);
      response.mutable_progress()->set_pairs_total(
          server_.script.pairwise_progress);
      writer->Write(response);
      if (server_.script.pairwise_breaks > 0) {
        --server_.script.pairwise_breaks;
        return {grpc::StatusCode::UNAVAILABLE, "the stream broke"};
      }
    }
    if (context->IsCancelled()) {
      return Status::CANCELLED;
    }
    v1::ComparePairwiseResponse response;
    v1::PairwiseResult& result = *response.mutable_result();
    const int size = request->systems_size();
    for (const v1::System& system : request->systems()) {
      result.add_names(system.name());
    }
    for (const v1::MeasureSpec& measure : request->measures()) {
      v1::PairwiseMatrix& matrix = *result.add_matrices();
      matrix.set_measure(Canonical(measure.id()));
      for (int i = 0; i < size * size; ++i) {
        matrix.add_values(std::abs(i / size - i % size) / 2.0);
      }
    }
    FillProvenance("", *result.mutable_provenance());
    writer->Write(response);
    return Status::OK;
  }

  // Points on a line; everything belongs to the first system.
  Status EmbedDistances(ServerContext*,
                        const v1::EmbedDistancesRequest* request,
                        v1::EmbedDistancesResponse* response) override {
    if (Status status = server_.Enter("EmbedDistances"); !status.ok()) {
      return status;
    }
    server_.seen.embed = *request;
    const auto size = static_cast<int>(std::sqrt(request->distances_size()));
    for (int i = 0; i < size; ++i) {
      for (int k = 0; k < request->dimensions(); ++k) {
        response->add_points(i + 0.25 * k);
      }
      for (int k = 1; k <= request->neighbors(); ++k) {
        response->add_nearest((i + k) % size);
      }
      if (request->clusters() > 0) {
        response->add_assignment(0);
      }
    }
    if (request->clusters() > 0) {
      response->add_medoids(1);
      response->set_silhouette(0.5);
    }
    response->set_stress(0.125);
    response->set_distortion(1.5);
    response->set_explained(0.75);
    response->set_frechet_medoid(1);
    return Status::OK;
  }

  Status ComputeFrechetMean(ServerContext*,
                            const v1::ComputeFrechetMeanRequest* request,
                            v1::ComputeFrechetMeanResponse* response) override {
    if (Status status = server_.Enter("ComputeFrechetMean"); !status.ok()) {
      return status;
    }
    server_.seen.mean = *request;
    const std::vector<double> mean = {1.0, 2.0, 3.0, 4.5};
    v1::TensorSpec& spec = *response->mutable_mean()->mutable_spec();
    spec.set_data_type(v1::DATA_TYPE_FLOAT64);
    spec.add_shape(2);
    spec.add_shape(2);
    response->mutable_mean()->set_data(
        mean.data(),
        (server_.script.short_mean ? 1 : mean.size()) * sizeof(double));
    for (int i = 0; i < request->systems_size(); ++i) {
      response->add_distances(0.25 * (i + 1));
    }
    response->set_variance(0.0625);
    response->set_iterations(7);
    return Status::OK;
  }

  // Systems are ranked as they come; the ones with a missing score are left
  // out.
  Status AggregateScores(ServerContext*,
                         const v1::AggregateScoresRequest* request,
                         v1::AggregateScoresResponse* response) override {
    if (Status status = server_.Enter("AggregateScores"); !status.ok()) {
      return status;
    }
    server_.seen.aggregate = *request;
    const int measures = request->measures_size();
    for (int i = 0; i < request->systems_size(); ++i) {
      double sum = 0.0;
      for (int k = 0; k < measures; ++k) {
        sum += request->scores(i * measures + k);
      }
      response->add_arithmetic_mean(sum / measures);
      response->add_z_score_mean(0.5 - 0.5 * (i + 1));
      response->add_mean_rank(
          std::isnan(sum) ? std::numeric_limits<double>::quiet_NaN() : i + 1);
      response->set_systems_left_out(response->systems_left_out() +
                                     (std::isnan(sum) ? 1 : 0));
    }
    for (int i = 0; i < measures * measures; ++i) {
      response->add_kendall(0.25);
      response->add_spearman(0.5);
    }
    return Status::OK;
  }

 private:
  FakeServer& server_;
};

std::unique_ptr<grpc::Service> FakeServer::MakeComparison() {
  return std::make_unique<Comparison>(*this);
}

}  // namespace repscore::client
