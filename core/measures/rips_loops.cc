#include "core/measures/rips_loops.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;

struct Edge {
  double length = 0.0;
  // first > second.
  int32_t first = 0;
  int32_t second = 0;
};

/// In the order in which triangles enter: by their longest edge, then by
/// number.
struct Triangle {
  double diameter = 0.0;
  int64_t number = 0;

  friend bool operator<(const Triangle& a, const Triangle& b) {
    return a.diameter < b.diameter ||
           (a.diameter == b.diameter && a.number < b.number);
  }
};

// Numbers of triangles start at 0.
constexpr int64_t kBeforeAll = -1;

/// Clusters that edges join as they enter.
class Components {
 public:
  explicit Components(int32_t count) : parents_(static_cast<size_t>(count)) {
    std::iota(parents_.begin(), parents_.end(), 0);
  }

  /// False when both ends are in one component already.
  bool Join(const Edge& edge) {
    const int32_t a = Root(edge.first);
    const int32_t b = Root(edge.second);
    parents_[static_cast<size_t>(a)] = b;
    return a != b;
  }

 private:
  int32_t Root(int32_t vertex) {
    auto at = static_cast<size_t>(vertex);
    while (parents_[at] != static_cast<int32_t>(at)) {
      const auto parent = static_cast<size_t>(parents_[at]);
      parents_[at] = parents_[parent];
      at = parent;
    }
    return static_cast<int32_t>(at);
  }

  std::vector<int32_t> parents_;
};

/// Reduces the coboundaries of edges, last edge first. An edge whose reduced
/// coboundary begins with a triangle begins a loop that the triangle ends.
class LoopSearch {
 public:
  explicit LoopSearch(const MatrixXd& distances)
      : distances_(distances.selfadjointView<Eigen::Lower>()),
        vertices_(static_cast<int32_t>(distances.rows())),
        radius_(distances_.colwise().maxCoeff().minCoeff()) {}

  double Run() {
    double sum = 0.0;
    for (const Edge& edge : LoopEdges()) {
      const std::optional<Triangle> emergent = EmergentPair(edge);
      const Triangle death = emergent.has_value() ? *emergent : Reduce(edge);
      if (emergent.has_value()) {
        owners_.emplace(death.number, edge);
      }
      sum += death.diameter - edge.length;
    }
    return sum;
  }

 private:
  /// The triangles of one edge in the order in which they enter, from some
  /// triangle on.
  struct Coboundary {
    Edge edge;
    /// Third vertices in that order.
    const std::vector<int32_t>* thirds = nullptr;
    size_t position = 0;
    Triangle next = {};
    bool is_cancelled = false;
  };

  /// A sum of coboundaries, merged: equal triangles cancel in pairs.
  class Column {
   public:
    explicit Column(LoopSearch& search) : search_(search) {}

    /// Adds what the edge's coboundary has after `last`; nothing up to there
    /// may be left.
    void Add(const Edge& edge, const Triangle& last) {
      const auto [at, is_new] = edges_.try_emplace(KeyOf(edge), parts_.size());
      if (!is_new) {
        // Twice is never.
        parts_[at->second].is_cancelled = true;
        edges_.erase(at);
        return;
      }
      parts_.push_back(search_.CoboundaryAfter(edge, last));
      Push(parts_.size() - 1);
    }

    void SkipPivot() {
      if (const std::optional<size_t> first = Pop()) {
        Advance(*first);
      }
    }

    /// The first triangle to enter.
    std::optional<Triangle> Pivot() {
      while (const std::optional<size_t> first = Pop()) {
        const Triangle triangle = parts_[*first].next;
        const std::optional<size_t> second = Pop();
        if (!second.has_value() ||
            parts_[*second].next.number != triangle.number) {
          Push(*first);
          if (second.has_value()) {
            Push(*second);
          }
          return triangle;
        }
        Advance(*first);
        Advance(*second);
      }
      return std::nullopt;
    }

    std::vector<Edge> Edges() const {
      std::vector<Edge> edges;
      for (const Coboundary& part : parts_) {
        if (!part.is_cancelled) {
          edges.push_back(part.edge);
        }
      }
      return edges;
    }

   private:
    struct Later {
      const std::vector<Coboundary>& parts;
      bool operator()(size_t a, size_t b) const {
        return parts[b].next < parts[a].next;
      }
    };

    void Push(size_t part) {
      if (parts_[part].position < parts_[part].thirds->size()) {
        heap_.push_back(part);
        std::push_heap(heap_.begin(), heap_.end(), Later{parts_});
      }
    }

    std::optional<size_t> Pop() {
      while (!heap_.empty()) {
        std::pop_heap(heap_.begin(), heap_.end(), Later{parts_});
        const size_t part = heap_.back();
        heap_.pop_back();
        if (!parts_[part].is_cancelled) {
          return part;
        }
      }
      return std::nullopt;
    }

    void Advance(size_t part) {
      Coboundary& moved = parts_[part];
      if (++moved.position < moved.thirds->size()) {
        moved.next =
            search_.CofacetOf(moved.edge, (*moved.thirds)[moved.position]);
        Push(part);
      }
    }

    LoopSearch& search_;
    std::vector<Coboundary> parts_;
    std::vector<size_t> heap_;
    /// Parts that are not cancelled, by their edge.
    absl::flat_hash_map<int64_t, size_t> edges_;
  };

  static int64_t KeyOf(const Edge& edge) {
    return (static_cast<int64_t>(edge.first) << 32) | edge.second;
  }

  /// Edges that join no components, last first: the others end clusters and so
  /// begin no loop (clearing).
  std::vector<Edge> LoopEdges() const {
    std::vector<Edge> edges;
    edges.reserve(static_cast<size_t>(vertices_) *
                  static_cast<size_t>(vertices_ - 1) / 2);
    for (int32_t second = 0; second < vertices_; ++second) {
      for (int32_t first = second + 1; first < vertices_; ++first) {
        const double length = distances_(first, second);
        if (length <= radius_) {
          edges.push_back({.length = length, .first = first, .second = second});
        }
      }
    }
    std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
      return std::tie(a.length, a.first, a.second) <
             std::tie(b.length, b.first, b.second);
    });
    Components components(vertices_);
    edges.erase(
        std::remove_if(edges.begin(),
                       edges.end(),
                       [&](const Edge& edge) { return components.Join(edge); }),
        edges.end());
    std::reverse(edges.begin(), edges.end());
    return edges;
  }

  /// Grows with the third vertex while the other two stay.
  static int64_t NumberOf(int64_t a, int64_t b, int64_t c) {
    const int64_t highest = std::max({a, b, c});
    const int64_t lowest = std::min({a, b, c});
    const int64_t middle = a + b + c - highest - lowest;
    return highest * (highest - 1) * (highest - 2) / 6 +
           middle * (middle - 1) / 2 + lowest;
  }

  double DiameterOf(const Edge& edge, int32_t third) const {
    return std::max({edge.length,
                     distances_(third, edge.first),
                     distances_(third, edge.second)});
  }

  Triangle CofacetOf(const Edge& edge, int32_t third) const {
    return {.diameter = DiameterOf(edge, third),
            .number = NumberOf(edge.first, edge.second, third)};
  }

  /// The first triangle that enters with the edge, when no other edge has it:
  /// no reduction would change it.
  std::optional<Triangle> EmergentPair(const Edge& edge) const {
    for (int32_t third = 0; third < vertices_; ++third) {
      if (third == edge.first || third == edge.second ||
          DiameterOf(edge, third) > edge.length) {
        continue;
      }
      const Triangle triangle = CofacetOf(edge, third);
      if (owners_.contains(triangle.number)) {
        return std::nullopt;
      }
      return triangle;
    }
    return std::nullopt;
  }

  /// Third vertices of the triangles of an edge within the radius.
  const std::vector<int32_t>& ThirdsOf(const Edge& edge) {
    const auto [at, is_new] = thirds_.try_emplace(KeyOf(edge));
    if (is_new) {
      std::vector<std::pair<double, int32_t>> order;
      for (int32_t third = 0; third < vertices_; ++third) {
        if (third != edge.first && third != edge.second) {
          const double diameter = DiameterOf(edge, third);
          if (diameter <= radius_) {
            order.emplace_back(diameter, third);
          }
        }
      }
      std::sort(order.begin(), order.end());
      at->second = std::make_unique<std::vector<int32_t>>();
      at->second->reserve(order.size());
      for (const auto& [diameter, third] : order) {
        at->second->push_back(third);
      }
    }
    return *at->second;
  }

  Coboundary CoboundaryAfter(const Edge& edge, const Triangle& last) {
    const std::vector<int32_t>& thirds = ThirdsOf(edge);
    const auto at =
        std::partition_point(thirds.begin(), thirds.end(), [&](int32_t third) {
          return !(last < CofacetOf(edge, third));
        });
    Coboundary coboundary{.edge = edge,
                          .thirds = &thirds,
                          .position = static_cast<size_t>(at - thirds.begin())};
    if (at != thirds.end()) {
      coboundary.next = CofacetOf(edge, *at);
    }
    return coboundary;
  }

  /// The triangle that ends the loop.
  Triangle Reduce(const Edge& edge) {
    Column column(*this);
    column.Add(edge, {.diameter = edge.length, .number = kBeforeAll});
    while (const std::optional<Triangle> pivot = column.Pivot()) {
      const auto owner = owners_.find(pivot->number);
      if (owner == owners_.end()) {
        owners_.emplace(pivot->number, edge);
        sums_.emplace(KeyOf(edge), column.Edges());
        return *pivot;
      }
      // The two pivots cancel, and what the owner's sum has before cancels in
      // itself.
      column.SkipPivot();
      const auto sum = sums_.find(KeyOf(owner->second));
      if (sum == sums_.end()) {
        column.Add(owner->second, *pivot);
      } else {
        for (const Edge& added : sum->second) {
          column.Add(added, *pivot);
        }
      }
    }
    // No loop lives beyond the radius: there is always a pivot.
    return {.diameter = edge.length};
  }

  const MatrixXd distances_;
  const int32_t vertices_;
  /// Within it of one vertex lie all others: from here on no loop lives.
  const double radius_;
  /// The edge that a triangle is paired with, by its number.
  absl::flat_hash_map<int64_t, Edge> owners_;
  /// Edges whose coboundaries sum to the reduced one of an edge; itself alone
  /// for one that is not here.
  absl::flat_hash_map<int64_t, std::vector<Edge>> sums_;
  absl::flat_hash_map<int64_t, std::unique_ptr<std::vector<int32_t>>> thirds_;
};

}  // namespace

double SumOfLoops(const MatrixXd& distances) {
  return distances.rows() < 3 ? 0.0 : LoopSearch(distances).Run();
}

}  // namespace repscore
