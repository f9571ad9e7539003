// Every registered measure, by registration alone, on the awkward shapes and in
// both spaces.
#ifndef REPSCORE_TESTS_CONFORMANCE_CASES_H_
#define REPSCORE_TESTS_CONFORMANCE_CASES_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/problem.h"

namespace repscore::testing {

struct Shape {
  int64_t n;
  int64_t p;
  int64_t q;
};

struct Case {
  std::string id;
  Space space;
};

/// Default specification of every measure, and its examples of what else
/// changes the formula.
inline std::vector<std::string> Specifications() {
  std::vector<std::string> ids;
  for (const MeasureInfo& info : RegisteredMeasures()) {
    ids.push_back(DefaultSpecification(info));
    ids.insert(ids.end(), info.examples.begin(), info.examples.end());
  }
  return ids;
}

inline std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const std::string& id : Specifications()) {
    cases.push_back({id, Space::kFeature});
    cases.push_back({id, Space::kSample});
  }
  return cases;
}

/// Cases of measures that have a gradient.
inline std::vector<Case> DifferentiableCases() {
  std::vector<Case> cases;
  for (const Case& parameter : AllCases()) {
    if (MustCreate(parameter.id)->info().differentiable) {
      cases.push_back(parameter);
    }
  }
  return cases;
}

inline std::string CaseName(const ::testing::TestParamInfo<Case>& parameter) {
  std::string name =
      parameter.param.id + "_" + std::string(SpaceName(parameter.param.space));
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      c = '_';
    }
  }
  return name + "_" + std::to_string(parameter.index);
}

/// Whether the measure claims a value at these sizes: latent components, for
/// one, need as many features. What is refused is tested for its status.
inline bool IsDefined(const std::string& id, const Shape& shape) {
  const std::shared_ptr<const Measure> measure = MustCreate(id);
  return measure != nullptr &&
         measure
             ->CheckSize({.rows = shape.n,
                          .candidate_features = shape.p,
                          .reference_features = shape.q,
                          .space = ChooseSpace(shape.n, shape.p)})
             .ok();
}

/// The shapes at which the measure is defined.
inline std::vector<Shape> DefinedShapes(const std::string& id,
                                        const std::vector<Shape>& shapes) {
  std::vector<Shape> defined;
  for (const Shape& shape : shapes) {
    if (IsDefined(id, shape)) {
      defined.push_back(shape);
    }
  }
  return defined;
}

/// n > p = q, n > p > q, n > q > p, n < p, n < q, p = 1, q = 1, p = n - 1, and
/// many features on both sides.
inline std::vector<Shape> AllShapes() {
  return {{60, 30, 28},
          {24, 6, 6},
          {40, 12, 9},
          {40, 9, 12},
          {15, 25, 20},
          {20, 4, 30},
          {30, 1, 5},
          {30, 6, 1},
          {13, 12, 4},
          {30, 6, 40}};
}

/// `shapes` with as many columns and such numbers of rows as the measure needs.
inline std::vector<Shape> ShapesFor(const MeasureInfo& info,
                                    std::vector<Shape> shapes) {
  for (Shape& shape : shapes) {
    shape.n -= shape.n % info.rows_multiple_of;
    shape.p = std::max(shape.p, info.minimum_features);
    shape.q = std::max(shape.q, info.minimum_features);
    shape.q = info.equal_features ? shape.p : shape.q;
  }
  return shapes;
}

inline Shape ShapeFor(const MeasureInfo& info, const Shape& shape) {
  return ShapesFor(info, {shape})[0];
}

}  // namespace repscore::testing

#endif  // REPSCORE_TESTS_CONFORMANCE_CASES_H_
