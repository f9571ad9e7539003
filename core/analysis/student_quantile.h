// Quantiles of Student's t distribution. A pure function.
#ifndef REPSCORE_CORE_ANALYSIS_STUDENT_QUANTILE_H_
#define REPSCORE_CORE_ANALYSIS_STUDENT_QUANTILE_H_

namespace repscore {

/// Of a probability in (0, 1) with four or more degrees of freedom, by its
/// expansion in 1 / degrees (Abramowitz & Stegun 26.7.5).
double StudentQuantile(double probability, double degrees);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_STUDENT_QUANTILE_H_
