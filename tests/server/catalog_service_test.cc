// CatalogService over the wire; the catalog has tests of its own.
#include <string>
#include <vector>

#include "core/base/digest.h"
#include "gtest/gtest.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {
namespace {

class CatalogServiceTest : public ServerFixture {
 protected:
  CatalogServiceTest() { StartServer(); }

  grpc::Status Get(const std::string& name, v1::GetDatasetResponse* response) {
    grpc::ClientContext context;
    v1::GetDatasetRequest request;
    request.set_name(name);
    return catalog_->GetDataset(&context, request, response);
  }

  grpc::Status Delete(const std::string& name) {
    grpc::ClientContext context;
    v1::DeleteDatasetRequest request;
    request.set_name(name);
    v1::DeleteDatasetResponse response;
    return catalog_->DeleteDataset(&context, request, &response);
  }

  grpc::Status List(int32_t size,
                    const std::string& token,
                    v1::ListDatasetsResponse* response) {
    grpc::ClientContext context;
    v1::ListDatasetsRequest request;
    request.set_page_size(size);
    request.set_page_token(token);
    return catalog_->ListDatasets(&context, request, response);
  }
};

TEST_F(CatalogServiceTest, RegisteredDatasetComesBackWithAllItsParts) {
  const std::string data = NormalBytes(12, 4, 1);
  v1::RegisterDatasetHeader header = Header("pfc", 12, 4, data);
  header.mutable_spec()->clear_shape();
  for (const int64_t size : {3, 4, 4}) {
    header.mutable_spec()->add_shape(size);
  }
  v1::Axis* time = header.add_axes();
  time->set_kind(v1::AXIS_KIND_TIME);
  time->set_size(3);
  time->set_unit("ms");
  for (const double at : {0.0, 10.0, 20.0}) {
    time->add_coordinates(at);
  }
  header.add_axes()->set_size(4);
  header.add_axes()->set_size(4);
  v1::Label* label = header.add_labels();
  label->set_name("target");
  for (const char* value : {"a", "b", "a", "b"}) {
    label->add_values(value);
  }
  header.mutable_metadata()->set_display_name("Prefrontal \xC2\xB5V");
  (*header.mutable_metadata()->mutable_attributes())["lab"] = "x";

  v1::RegisterDatasetResponse response;
  const grpc::Status status = Register(header, data, &response, 33);
  v1::GetDatasetResponse got;
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_TRUE(Get("datasets/pfc", &got).ok());

  const v1::Dataset& dataset = response.dataset();
  EXPECT_EQ(dataset.name(), "datasets/pfc/versions/1");
  EXPECT_FALSE(response.already_registered());
  EXPECT_EQ(dataset.rows(), 12);
  EXPECT_EQ(dataset.features(), 4);
  EXPECT_EQ(dataset.digest().size(), 64U);
  EXPECT_EQ(dataset.axes(1).kind(), v1::AXIS_KIND_CONDITION);
  EXPECT_EQ(dataset.axes(0).coordinates(2), 20.0);
  EXPECT_EQ(dataset.labels(0).values(3), "b");
  EXPECT_EQ(dataset.metadata().attributes().at("lab"), "x");
  EXPECT_GT(dataset.create_time().seconds(), 0);
  EXPECT_EQ(got.dataset().SerializeAsString(), dataset.SerializeAsString());
}

TEST_F(CatalogServiceTest, SameContentIsKnownAndOtherContentIsAVersion) {
  const std::string data = NormalBytes(12, 4, 1);
  const std::string other = NormalBytes(12, 4, 2);
  v1::RegisterDatasetResponse first;
  v1::RegisterDatasetResponse same;
  v1::RegisterDatasetResponse next;

  ASSERT_TRUE(Register(Header("a", 12, 4, data), data, &first).ok());
  ASSERT_TRUE(Register(Header("a", 12, 4, data), data, &same).ok());
  ASSERT_TRUE(Register(Header("a", 12, 4, other), other, &next).ok());

  EXPECT_TRUE(same.already_registered());
  EXPECT_EQ(same.dataset().name(), first.dataset().name());
  EXPECT_EQ(next.dataset().name(), "datasets/a/versions/2");
}

TEST_F(CatalogServiceTest, PagesCoverEveryDatasetOnce) {
  for (const char* id : {"c", "a", "e", "b", "d"}) {
    RegisterNormals(id);
  }
  std::vector<std::string> names;
  std::string token;

  do {
    v1::ListDatasetsResponse page;
    ASSERT_TRUE(List(2, token, &page).ok());
    EXPECT_LE(page.datasets_size(), 2);
    for (const v1::Dataset& dataset : page.datasets()) {
      names.push_back(dataset.name());
    }
    token = page.next_page_token();
  } while (!token.empty());

  EXPECT_EQ(names,
            (std::vector<std::string>{"datasets/a/versions/1",
                                      "datasets/b/versions/1",
                                      "datasets/c/versions/1",
                                      "datasets/d/versions/1",
                                      "datasets/e/versions/1"}));
}

TEST_F(CatalogServiceTest, DeletedDatasetIsGone) {
  RegisterNormals("a");
  ASSERT_TRUE(Delete("datasets/a").ok());

  v1::GetDatasetResponse response;
  const grpc::Status status = Get("datasets/a", &response);

  ExpectError(status, grpc::StatusCode::NOT_FOUND, "DATASET_NOT_FOUND", "name");
  EXPECT_EQ(WireDetailsOf(status).resource_name, "datasets/a");
  ExpectError(Delete("datasets/a"),
              grpc::StatusCode::NOT_FOUND,
              "DATASET_NOT_FOUND",
              "name");
}

TEST_F(CatalogServiceTest, BadPagesAndNamesNameTheField) {
  v1::ListDatasetsResponse page;
  v1::GetDatasetResponse got;
  const auto code = grpc::StatusCode::INVALID_ARGUMENT;

  ExpectError(List(-1, "", &page), code, "INVALID_ARGUMENT", "page_size");
  ExpectError(List(1, "x", &page), code, "INVALID_ARGUMENT", "page_token");
  ExpectError(Get("", &got), code, "INVALID_ARGUMENT", "name");
  ExpectError(Get("runs/1", &got), code, "INVALID_ARGUMENT", "name");
  ExpectError(Get(std::string("datasets/\0", 10), &got),
              code,
              "INVALID_ARGUMENT",
              "name");
  ExpectError(Get("datasets/" + std::string(10240, 'a'), &got),
              code,
              "INVALID_ARGUMENT",
              "name");
}

struct BadRegistration {
  const char* name;
  void (*change)(v1::RegisterDatasetHeader&, std::string& data);
  grpc::StatusCode code;
  const char* reason;
  const char* field;
};

class BadRegistrationTest
    : public CatalogServiceTest,
      public ::testing::WithParamInterface<BadRegistration> {};

TEST_P(BadRegistrationTest, IsRefusedNamingTheField) {
  std::string data = NormalBytes(12, 4, 1);
  v1::RegisterDatasetHeader header = Header("a", 12, 4, data);
  GetParam().change(header, data);

  v1::RegisterDatasetResponse response;
  const grpc::Status status = Register(header, data, &response, 100);

  ExpectError(status, GetParam().code, GetParam().reason, GetParam().field);
  v1::ListDatasetsResponse page;
  ASSERT_TRUE(List(0, "", &page).ok());
  EXPECT_EQ(page.datasets_size(), 0);
}

constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;

constexpr BadRegistration kBadRegistrations[] = {
    {"NoId",
     [](auto& h, auto&) { h.clear_dataset_id(); },
     kInvalid,
     "INVALID_ARGUMENT",
     "dataset_id"},
    {"UpperCaseId",
     [](auto& h, auto&) { h.set_dataset_id("Pfc"); },
     kInvalid,
     "INVALID_ARGUMENT",
     "dataset_id"},
    {"PathId",
     [](auto& h, auto&) { h.set_dataset_id("../a"); },
     kInvalid,
     "INVALID_ARGUMENT",
     "dataset_id"},
    {"NewlineId",
     [](auto& h, auto&) { h.set_dataset_id("a\nb"); },
     kInvalid,
     "INVALID_ARGUMENT",
     "dataset_id"},
    {"LookAlikeId",
     [](auto& h, auto&) { h.set_dataset_id("p\xD1\x84\x63"); },
     kInvalid,
     "INVALID_ARGUMENT",
     "dataset_id"},
    {"NoChecksum",
     [](auto& h, auto&) { h.clear_sha256(); },
     kInvalid,
     "INVALID_ARGUMENT",
     "sha256"},
    {"MalformedChecksum",
     [](auto& h, auto&) { h.set_sha256("123"); },
     kInvalid,
     "INVALID_ARGUMENT",
     "sha256"},
    {"OtherChecksum",
     [](auto& h, auto&) { h.set_sha256(Sha256Hex("other")); },
     grpc::StatusCode::DATA_LOSS,
     "UPLOAD_CHECKSUM_MISMATCH",
     ""},
    {"NoType",
     [](auto& h, auto&) { h.mutable_spec()->clear_data_type(); },
     kInvalid,
     "INVALID_ARGUMENT",
     "spec.data_type"},
    {"ZeroRows",
     [](auto& h, auto&) { h.mutable_spec()->set_shape(0, 0); },
     kInvalid,
     "INVALID_ARGUMENT",
     "spec.shape[0]"},
    {"TooLarge",
     [](auto& h, auto&) { h.mutable_spec()->set_shape(0, int64_t{1} << 40); },
     grpc::StatusCode::RESOURCE_EXHAUSTED,
     "DATASET_TOO_LARGE",
     "spec.shape"},
    {"AxisSize",
     [](auto& h, auto&) {
       h.add_axes()->set_size(11);
       h.add_axes()->set_size(4);
     },
     kInvalid,
     "INVALID_ARGUMENT",
     "axes[0].size"},
    {"AxisKind",
     [](auto& h, auto&) {
       h.add_axes()->set_kind(static_cast<v1::AxisKind>(42));
       h.add_axes();
     },
     kInvalid,
     "INVALID_ARGUMENT",
     "axes[0].kind"},
    {"LabelValues",
     [](auto& h, auto&) {
       h.add_labels()->set_name("x");
       h.mutable_labels(0)->add_values("1");
     },
     kInvalid,
     "INVALID_ARGUMENT",
     "labels[0].values"},
    {"NulInLabel",
     [](auto& h, auto&) { h.add_labels()->set_name(std::string("a\0", 2)); },
     kInvalid,
     "INVALID_ARGUMENT",
     "labels[0].name"},
    {"TooManyBytes",
     [](auto&, auto& data) { data += "more"; },
     kInvalid,
     "INVALID_ARGUMENT",
     "chunk.data"},
};

INSTANTIATE_TEST_SUITE_P(Register,
                         BadRegistrationTest,
                         ::testing::ValuesIn(kBadRegistrations),
                         [](const auto& test) { return test.param.name; });

TEST_F(CatalogServiceTest, MissingBytesAndNoHeaderAreRefused) {
  const std::string data = NormalBytes(12, 4, 1);
  v1::RegisterDatasetResponse response;

  const grpc::Status missing =
      Register(Header("a", 12, 4, data), data.substr(0, 100), &response);
  grpc::ClientContext context;
  const auto writer = catalog_->RegisterDataset(&context, &response);
  v1::RegisterDatasetRequest chunk;
  chunk.mutable_chunk()->set_data(data);
  writer->Write(chunk);
  const grpc::Status no_header = writer->Finish();

  EXPECT_EQ(missing.error_code(), kInvalid);
  ExpectError(no_header, kInvalid, "INVALID_ARGUMENT", "header");
}

TEST_F(CatalogServiceTest, DatasetsOfManyChunksArriveWhole) {
  const int64_t rows = 4000;
  const std::string data = NormalBytes(rows, 500, 1);
  v1::RegisterDatasetResponse response;

  const grpc::Status status =
      Register(Header("large", rows, 500, data), data, &response);

  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.dataset().rows(), rows);
}

TEST_F(CatalogServiceTest, CancelledUploadsRegisterNothing) {
  const std::string data = NormalBytes(12, 4, 1);
  for (int i = 0; i < 50; ++i) {
    grpc::ClientContext context;
    v1::RegisterDatasetResponse response;
    const auto writer = catalog_->RegisterDataset(&context, &response);
    v1::RegisterDatasetRequest message;
    *message.mutable_header() = Header("a", 12, 4, data);
    writer->Write(message);
    message.mutable_chunk()->set_data(data);
    if (i % 2 == 0) {
      writer->Write(message);
    }
    context.TryCancel();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }

  v1::ListDatasetsResponse page;
  ASSERT_TRUE(List(0, "", &page).ok());
  EXPECT_EQ(page.datasets_size(), 0);
}

}  // namespace
}  // namespace repscore::server
