#include "client/cli/range_table.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "client/cli/table.h"

namespace repscore::cli {
namespace {

std::string FormatCoupling(v1::Coupling coupling,
                           const std::string& first,
                           const std::string& second) {
  switch (coupling) {
    case v1::COUPLING_INDEPENDENT:
      return "independent: nearly every target is reached";
    case v1::COUPLING_COUPLED:
      return "coupled: each bounds the other from both sides";
    case v1::COUPLING_FIRST_IMPLIES_SECOND:
      return absl::StrCat(
          "a high ", first, " forces ", second, " up, not the converse");
    case v1::COUPLING_SECOND_IMPLIES_FIRST:
      return absl::StrCat(
          "a high ", second, " forces ", first, " up, not the converse");
    case v1::COUPLING_UNDECIDED:
      return "undecided: too few steps";
    default:
      return "";
  }
}

std::string FormatLeast(const std::string& measure,
                        std::optional<double> least) {
  return least.has_value()
             ? absl::StrCat(measure, " at least ", FormatFixed(*least))
             : "no point got there";
}

std::string FormatBound(const v1::TheoreticalBound& bound) {
  return absl::StrCat(
      bound.formula(),
      bound.violation() > 0.0
          ? absl::StrCat(": violated by ", FormatShare(bound.violation()))
          : ": holds everywhere");
}

}  // namespace

std::string RangeListing(const v1::AllowedRange& range) {
  google::protobuf::RepeatedPtrField<std::string> measures;
  *measures.Add() = range.first_measure();
  *measures.Add() = range.second_measure();
  const std::vector<std::string> names = ShortNames(measures);
  Listing listing;
  listing.Add("allowed range", absl::StrCat(names[0], " x ", names[1]));
  listing.Add(
      "area",
      absl::StrCat(FormatFixed(range.area_share()), " of the targets' hull"));
  listing.Add("coupling", FormatCoupling(range.coupling(), names[0], names[1]));
  listing.Add(absl::StrCat(names[0], " >= 0.9"),
              FormatLeast(names[1],
                          range.has_second_given_high_first()
                              ? std::optional(range.second_given_high_first())
                              : std::nullopt));
  listing.Add(absl::StrCat(names[1], " >= 0.9"),
              FormatLeast(names[0],
                          range.has_first_given_high_second()
                              ? std::optional(range.first_given_high_second())
                              : std::nullopt));
  if (range.unsettled() > 0) {
    listing.Add(
        "on their way",
        absl::StrCat(range.unsettled(), " targets: more steps come nearer"));
  }
  for (const v1::TheoreticalBound& bound : range.bounds()) {
    listing.Add("bound", FormatBound(bound));
  }
  return listing.ToString();
}

}  // namespace repscore::cli
