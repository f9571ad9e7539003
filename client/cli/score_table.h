// Scores for people: a table with what stands beside them, and what they are.
#ifndef REPSCORE_CLIENT_CLI_SCORE_TABLE_H_
#define REPSCORE_CLIENT_CLI_SCORE_TABLE_H_

#include <string>
#include <vector>

#include "repscore/v1/scoring.pb.h"
#include "repscore/v1/types.pb.h"

namespace repscore::cli {

/// Scores of one candidate, one per measure.
struct CandidateScores {
  std::string name;
  std::vector<v1::Score> scores;
};

enum class Rows {
  kMeasures,    ///< one candidate, a line per measure
  kCandidates,  ///< a line per candidate
};

/// Writes a table, warnings and full names of `measures` (as they were asked
/// for) to stdout. There are columns only for what a score has. Candidates
/// stand in a line each, or in one per measure when there is more to say than
/// the values.
void PrintScores(const std::vector<std::string>& measures,
                 const std::vector<CandidateScores>& candidates,
                 Rows rows);

/// "SUBJECT, float64 on cpu, repscore 0.1.0"; without the subject when it is
/// empty.
void PrintProvenance(const std::string& subject,
                     const v1::Provenance& provenance);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_SCORE_TABLE_H_
