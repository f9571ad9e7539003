#include "client/cli/landmark_table.h"

#include <algorithm>
#include <vector>

#include "client/cli/table.h"

namespace repscore::cli {

std::string LandmarkTable(
    const google::protobuf::RepeatedPtrField<v1::Landmark>& landmarks) {
  std::vector<v1::Landmark> sorted(landmarks.begin(), landmarks.end());
  std::stable_sort(sorted.begin(),
                   sorted.end(),
                   [](const v1::Landmark& a, const v1::Landmark& b) {
                     return a.value() < b.value();
                   });
  Table table({"landmark", "value", "sd"}, {1, 2});
  for (const v1::Landmark& landmark : sorted) {
    const double deviation = landmark.standard_deviation();
    table.AddRow({landmark.kind(),
                  FormatFixed(landmark.value()),
                  deviation > 0.0 ? FormatFixed(deviation) : ""});
  }
  return table.ToString();
}

}  // namespace repscore::cli
