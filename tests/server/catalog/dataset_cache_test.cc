#include "server/catalog/dataset_cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace repscore::server {
namespace {

std::shared_ptr<const Dataset> Make(const std::string& name, size_t bytes) {
  auto dataset = std::make_shared<Dataset>();
  dataset->name = name;
  dataset->data.resize(bytes);
  return dataset;
}

TEST(DatasetCacheTest, KeepsWhatWasUsedLast) {
  DatasetCache cache(100);
  cache.Insert(Make("a", 40));
  cache.Insert(Make("b", 40));
  EXPECT_NE(cache.Find("a"), nullptr);

  cache.Insert(Make("c", 40));

  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("c"), nullptr);
}

TEST(DatasetCacheTest, FindsWhatSomebodyElseHolds) {
  DatasetCache cache(100);
  const std::shared_ptr<const Dataset> large = Make("large", 1000);

  cache.Insert(large);

  EXPECT_EQ(cache.Find("large"), large);
}

TEST(DatasetCacheTest, DoesNotKeepWhatIsTooLarge) {
  DatasetCache cache(100);
  cache.Insert(Make("small", 100));

  cache.Insert(Make("large", 101));

  EXPECT_EQ(cache.Find("large"), nullptr);
  EXPECT_NE(cache.Find("small"), nullptr);
}

TEST(DatasetCacheTest, ForgetsWhatIsErased) {
  DatasetCache cache(100);
  cache.Insert(Make("a", 60));

  cache.Erase("a");
  cache.Erase("a");
  cache.Insert(Make("b", 60));

  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_NE(cache.Find("b"), nullptr);
}

TEST(DatasetCacheTest, ReplacesADatasetOfTheSameName) {
  DatasetCache cache(100);
  const std::shared_ptr<const Dataset> former = Make("a", 60);
  cache.Insert(former);

  const std::shared_ptr<const Dataset> latter = Make("a", 60);
  cache.Insert(latter);

  EXPECT_EQ(cache.Find("a"), latter);
  EXPECT_EQ(former.use_count(), 1);
}

}  // namespace
}  // namespace repscore::server
