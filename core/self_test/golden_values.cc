#include "core/self_test/golden_values.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <random>

namespace repscore {
namespace {

using enum GoldenKind;

constexpr int64_t kRows = 30;
constexpr int64_t kFeatures = 25;
constexpr int64_t kAscentSteps = 5;

constexpr GoldenValue kGoldenValues[] = {
    {"cka", 0.4893427391044152, kSum},
    {"cka.angular", 1.0594603937845424, kSum},
    {"cka.angular_score", 0.3255265652764166, kSum},
    {"cka.debiased", 0.0235986985805570, kSum},
    {"cka.lange", 0.0533364433409309, kSum},
    {"cka.rbf(bandwidth=absolute(1),bias=biased)", 0.8940267986288911, kSum},
    {"cka.rbf(bandwidth=absolute(1),bias=unbiased)", 0.0676394158408835, kSum},
    {"cka.rbf(bandwidth=absolute(1),bias=lange)", 0.2646042301584453, kSum},
    {"cka.rbf(bandwidth=median_all(1),bias=biased)", 0.6129051373013771, kSum},
    {"cka.rbf(bandwidth=median_all(1),bias=unbiased)",
     0.0319913621808478,
     kSum},
    {"cka.rbf(bandwidth=median_offdiagonal(1),bias=biased)",
     0.6121586268832628,
     kSum},
    {"cka.rbf(bandwidth=median_offdiagonal(1),bias=unbiased)",
     0.0319330808480558,
     kSum},
    {"dcor", 0.8852696524417102, kSum},
    {"dcor.unbiased", 0.0338471776169805, kSum},
    {"cka.minibatch(batch=10)", -0.0734339101429415, kSum},
    {"nbs", 0.7227787175993364, kFactor},
    {"procrustes.angle", 0.7629815799340968, kFactor},
    {"procrustes.angular_score", 0.5142708402616978, kFactor},
    {"procrustes.size_shape(form=distance)", 5.851126077853428, kFactor},
    {"procrustes.size_shape(form=squared)", 34.23567637893643, kFactor},
    {"procrustes.size_shape(form=squared_per_sample)",
     1.1411892126312144,
     kFactor},
    {"procrustes.chord(form=chord)", 0.7446090012894869, kFactor},
    {"procrustes.chord(form=squared)", 0.5544425648013271, kFactor},
    {"procrustes.chord(form=one_minus)", 0.2772212824006636, kFactor},
    {"shape.angular(alpha=0,scale=raw)", 0.4732208798503, kFactor},
    {"shape.angular(alpha=0.25,scale=raw)", 0.5193834814155, kFactor},
    {"shape.angular(alpha=0.5,scale=raw)", 0.6095597798691, kFactor},
    {"shape.angular(alpha=0.75,scale=raw)", 0.6952583455010, kFactor},
    {"shape.angular(alpha=1,scale=raw)", 0.7629815799341, kFactor},
    {"shape.angular(alpha=0.25,scale=unit_norm)", 0.4742737255142, kFactor},
    {"shape.angular(alpha=0.5,scale=unit_norm)", 0.4834537879359, kFactor},
    {"shape.angular(alpha=0.75,scale=unit_norm)", 0.5280621327740, kFactor},
    {"shape.permutation(form=cosine)", 0.3343991144629963, kFactor},
    {"shape.permutation(form=angle)", 1.2298287595147772, kFactor},
    {"shape.permutation(form=euclidean)", 9.066236076125277, kFactor},
    {"match.hard", 0.3363914592542919, kSum},
    {"match.hard(absolute=yes)", 0.3864960603718011, kSum},
    {"match.soft_mean_max(direction=reference_to_candidate)",
     0.3782635313751,
     kFactor},
    {"match.soft_mean_max", 0.3761355416924347, kSum},
    {"cca", 0.8901049738157810, kFactor},
    {"cca(statistic=mean_rho2)", 0.8583001426315532, kFactor},
    {"cca(centring=none)", 0.8695779041892, kFactor},
    {"cca(centring=none,statistic=mean_rho2)", 0.8310349228244543, kFactor},
    {"rcca(kappa=1e-3,statistic=rho)", 0.8323903539308417, kFactor},
    {"rcca(kappa=1e-3,statistic=rho2)", 0.757121294097487, kFactor},
    {"rcca(kappa=1e-2,statistic=rho)", 0.6383050572101764, kFactor},
    {"rcca(kappa=1e-2,statistic=rho2)", 0.4754949714966555, kFactor},
    {"rcca(kappa=1e-1,statistic=rho)", 0.2863033882618292, kFactor},
    {"rcca(kappa=1e-1,statistic=rho2)", 0.1151893227003836, kFactor},
    {"svcca", 0.7831814122650433, kFactor},
    {"svcca(components=variance(0.95),normaliser=min)",
     0.7281605586835191,
     kFactor},
    {"svcca(components=variance(0.95),normaliser=geometric_mean)",
     0.7064195049084510,
     kFactor},
    {"svcca(components=variance(0.95),normaliser=max)",
     0.6853275846433121,
     kFactor},
    {"svcca(components=10)", 0.5379744461044428, kFactor},
    {"svcca(components=10,statistic=rho2)", 0.3739568340150687, kFactor},
    {"linear_r2", 0.8634248158677452, kFactor},
    {"linear_r2(direction=reference_to_candidate)",
     0.8639582977842288,
     kFactor},
    {"linear_r2(aggregation=uniform)", 0.8672951363980, kFactor},
    {"linear_r2(aggregation=uniform,direction=reference_to_candidate)",
     0.8648101880688,
     kFactor},
    {"linear_r2(aggregation=median)", 0.8834199256985, kFactor},
    {"linear_r2(aggregation=median,direction=reference_to_candidate)",
     0.9032895709523,
     kFactor},
    {"ridge_r2(folds=none,lambda=1)", 0.6465756766638615, kFactor},
    {"ridge_r2(folds=none,lambda=10)", 0.2681240306298047, kFactor},
    {"ridge_r2(folds=none,lambda=100)", 0.0412891530669315, kFactor},
    {"ridge_r2(folds=none,lambda=1000)", 0.0043738126950245, kFactor},
    {"ridge_r2(aggregation=uniform,folds=none,lambda=1)",
     0.6509812999993833,
     kFactor},
    {"ridge_r2(aggregation=uniform,folds=none,lambda=10)",
     0.2695010178564328,
     kFactor},
    {"ridge_r2(aggregation=uniform,folds=none,lambda=100)",
     0.0414750285606768,
     kFactor},
    {"ridge_r2(aggregation=uniform,folds=none,lambda=1000)",
     0.0043932539597178,
     kFactor},
    {"ridge_r2(aggregation=median,folds=none,lambda=1)",
     0.6743035500237652,
     kFactor},
    {"ridge_r2(aggregation=median,folds=none,lambda=10)",
     0.2784521699930355,
     kFactor},
    {"ridge_r2(aggregation=median,folds=none,lambda=100)",
     0.0410958919027826,
     kFactor},
    {"ridge_r2(aggregation=median,folds=none,lambda=1000)",
     0.0043035696756674,
     kFactor},
    {"ridge_r2(aggregation=uniform,direction=reference_to_candidate,folds=none,"
     "lambda=1)",
     0.6273011188296,
     kFactor},
    {"ridge_r2(folds=rows_contiguous(5),lambda=1)",
     -0.3379418883424133,
     kFactor},
    {"ridge_r2(folds=rows_contiguous(5),lambda=10)",
     -0.0143820670562715,
     kFactor},
    {"ridge_r2(folds=rows_contiguous(5),lambda=100)",
     0.0007478131237449,
     kFactor},
    {"ridge_r2(folds=rows_contiguous(5),lambda=1000)",
     0.0001119409059650,
     kFactor},
    {"ridge_r2(denominator=validation_mean,folds=rows_contiguous(5),lambda=1)",
     -0.6293086597729878,
     kFactor},
    {"ridge_r2(denominator=validation_mean,folds=rows_contiguous(5),lambda=10)",
     -0.2355119865188967,
     kFactor},
    {"ridge_r2(denominator=validation_mean,folds=rows_contiguous(5),lambda="
     "100)",
     -0.2170027650954953,
     kFactor},
    {"ridge_r2(denominator=validation_mean,folds=rows_contiguous(5),lambda="
     "1000)",
     -0.2177594914037060,
     kFactor},
    {"ridge_r2(aggregation=uniform,denominator=validation_mean,folds=rows_"
     "contiguous(5),lambda=1)",
     -1.2642150707656774,
     kFactor},
    {"ridge_r2(aggregation=uniform,denominator=validation_mean,folds=rows_"
     "contiguous(5),lambda=10)",
     -0.6878459727960797,
     kFactor},
    {"ridge_r2(aggregation=uniform,denominator=validation_mean,folds=rows_"
     "contiguous(5),lambda=100)",
     -0.6573063798746406,
     kFactor},
    {"ridge_r2(aggregation=uniform,denominator=validation_mean,folds=rows_"
     "contiguous(5),lambda=1000)",
     -0.6584276695841277,
     kFactor},
    {"ridge_r2(folds=rows_contiguous(5),pooling=pooled,lambda=1)",
     -0.4306624214720229,
     kFactor},
    {"ridge_r2(folds=rows_contiguous(5),pooling=pooled,lambda=10)",
     -0.0844135680054168,
     kFactor},
    {"ridge_r2(folds=rows_contiguous(5),pooling=pooled,lambda=100)",
     -0.0676212842291182,
     kFactor},
    {"ridge_r2(folds=rows_contiguous(5),pooling=pooled,lambda=1000)",
     -0.0682057535139176,
     kFactor},
    {"ridge_r2(aggregation=uniform,folds=rows_contiguous(5),pooling=pooled,"
     "lambda=1)",
     -0.4204361668335713,
     kFactor},
    {"ridge_r2(aggregation=uniform,folds=rows_contiguous(5),pooling=pooled,"
     "lambda=10)",
     -0.0864910424132324,
     kFactor},
    {"ridge_r2(aggregation=uniform,folds=rows_contiguous(5),pooling=pooled,"
     "lambda=100)",
     -0.0696188884555436,
     kFactor},
    {"ridge_r2(aggregation=uniform,folds=rows_contiguous(5),pooling=pooled,"
     "lambda=1000)",
     -0.0701390613454825,
     kFactor},
    {"ridge_r2(folds=loo,pooling=pooled,lambda=1)",
     -0.4526121705157249,
     kFactor},
    {"ridge_r2(folds=loo,pooling=pooled,lambda=10)",
     -0.0886918273520270,
     kFactor},
    {"ridge_r2(folds=loo,pooling=pooled,lambda=100)",
     -0.0695038427718917,
     kFactor},
    {"ridge_r2(aggregation=uniform,direction=reference_to_candidate,folds=rows_"
     "contiguous(5),lambda=1,pooling=pooled)",
     -0.4080885630026571,
     kFactor},
    {"gulp(lambda=0)", 7.08499286842233, kFactor},
    {"gulp(lambda=1e-3)", 6.86838443446037, kFactor},
    {"gulp(lambda=1e-2)", 6.47833867699261, kFactor},
    {"gulp(lambda=1e-1)", 1.86563145726755, kFactor},
    {"gulp(lambda=1)", 0.06091686213621, kFactor},
    {"ensd", 6.75079323842767, kSum},
    {"eigenspace_overlap", 0.8310349228244543, kFactor},
    {"rsa(compare=cosine,rdm=sq_euclidean)", 0.9510853545112665, kSum},
    {"rsa(compare=pearson,rdm=sq_euclidean)", 0.0480849202406427, kSum},
    {"rsa(compare=spearman,rdm=sq_euclidean)", 0.0266521561017994, kSum},
    {"rsa(compare=kendall_tau_a,rdm=sq_euclidean)", 0.0187403993855607, kSum},
    {"rsa(compare=whitened_cosine,rdm=sq_euclidean)", 0.4893427391044157, kSum},
    {"rsa(compare=whitened_pearson,rdm=sq_euclidean)",
     0.0260051529267210,
     kSum},
    {"rsa(compare=cosine,rdm=euclidean)", 0.9867935292991990, kSum},
    {"rsa(compare=pearson,rdm=euclidean)", 0.0584357291904609, kSum},
    {"rsa(compare=spearman,rdm=euclidean)", 0.0266521561017994, kSum},
    {"rsa(compare=kendall_tau_a,rdm=euclidean)", 0.0187403993855607, kSum},
    {"rsa(compare=cosine,rdm=correlation)", 0.9587049512055273, kSum},
    {"rsa(compare=pearson,rdm=correlation)", 0.0035062460192807, kSum},
    {"rsa(compare=spearman,rdm=correlation)", -0.0040927956940652, kSum},
    {"rsa(compare=kendall_tau_a,rdm=correlation)", -0.0020022246941046, kSum},
    {"rsa(compare=cosine,rdm=cosine)", 0.9413494992363984, kSum},
    {"rsa(compare=pearson,rdm=cosine)", 0.0648971436028401, kSum},
    {"rsa(compare=spearman,rdm=cosine)", 0.0596640799373703, kSum},
    {"rsa(compare=kendall_tau_a,rdm=cosine)", 0.0388897717040098, kSum},
    {"rsm_difference", 6.9982406833886595, kFactor},
    {"rsm_difference(rdm=correlation)", 6.0122652452548015, kFactor},
    {"knn.mutual(k=10,metric=euclidean,rows=raw)", 0.34, kSum},
    {"knn.mutual(k=10,metric=cosine,rows=raw)", 0.3466666666666667, kSum},
    {"knn.mutual(k=10,metric=cosine,rows=centred)", 0.30, kSum},
    {"knn.mutual(k=10,metric=inner,rows=raw)", 0.43, kSum},
    {"knn.jaccard(k=10,metric=euclidean,rows=raw)", 0.2112040722721838, kSum},
    {"knn.jaccard(k=10,metric=cosine,rows=raw)", 0.2148807476206857, kSum},
    {"knn.jaccard(k=10,metric=cosine,rows=centred)", 0.1844222484315364, kSum},
    {"knn.jaccard(k=10,metric=inner,rows=raw)", 0.2805208408149584, kSum},
    {"ridge_r(aggregation=flat,folds=none,lambda=1)",
     0.8430705312671105,
     kFactor},
    {"ridge_r(aggregation=flat,folds=none,lambda=10)",
     0.7492715697173525,
     kFactor},
    {"ridge_r(aggregation=flat,folds=none,lambda=100)",
     0.7099042149614893,
     kFactor},
    {"ridge_r(aggregation=flat,folds=none,lambda=1000)",
     0.7042985484722473,
     kFactor},
    {"ridge_r(aggregation=flat,folds=rows_contiguous(5),lambda=1)",
     0.0114401648436234,
     kFactor},
    {"ridge_r(aggregation=flat,folds=rows_contiguous(5),lambda=10)",
     0.0272159154302634,
     kFactor},
    {"ridge_r(aggregation=flat,folds=rows_contiguous(5),lambda=100)",
     0.0289652396809288,
     kFactor},
    {"ridge_r(aggregation=flat,folds=rows_contiguous(5),lambda=1000)",
     0.0290184056725307,
     kFactor},
    {"ridge_r(aggregation=mean,folds=rows_contiguous(5),pooling=pooled,lambda="
     "1)",
     -0.0238803534981532,
     kFactor},
    {"ridge_r(aggregation=mean,folds=rows_contiguous(5),pooling=pooled,lambda="
     "10)",
     -0.1540788341746829,
     kFactor},
    {"ridge_r(aggregation=mean,folds=rows_contiguous(5),pooling=pooled,lambda="
     "100)",
     -0.3233505038089568,
     kFactor},
    {"ridge_r(aggregation=mean,folds=rows_contiguous(5),pooling=pooled,lambda="
     "1000)",
     -0.3360883847043034,
     kFactor},
    {"ridge_r(aggregation=median,folds=rows_contiguous(5),pooling=pooled,"
     "lambda=1)",
     -0.0814686773323946,
     kFactor},
    {"ridge_r(aggregation=median,folds=rows_contiguous(5),pooling=pooled,"
     "lambda=10)",
     -0.2011583821730821,
     kFactor},
    {"ridge_r(aggregation=median,folds=rows_contiguous(5),pooling=pooled,"
     "lambda=100)",
     -0.3089360440900742,
     kFactor},
    {"ridge_r(aggregation=median,folds=rows_contiguous(5),pooling=pooled,"
     "lambda=1000)",
     -0.3118891341187123,
     kFactor},
    {"ridge_r(aggregation=mean,direction=reference_to_candidate,folds=rows_"
     "contiguous(5),lambda=1,pooling=pooled)",
     -0.0215950165825615,
     kFactor},
    {"cka", 0.9617635589453, kAscent, kAscentSteps},
    {"ridge_r2(folds=none,lambda=1)", 0.9745590893117, kAscent, kAscentSteps},
    {"procrustes.angular_score", 0.9217652329184, kAscent, kAscentSteps},
    {"cka.debiased", 0.9204752305070, kAscent, kAscentSteps},
    {"ridge_r2(folds=rows_contiguous(5),lambda=1)",
     0.6530350825092,
     kAscent,
     kAscentSteps},
};

/// The next array of NumPy's RandomState: 53 bits of two draws per entry.
HostArray NextArray(std::mt19937& generator) {
  constexpr double kLowBits = 67108864.0;
  constexpr double kAllBits = 9007199254740992.0;
  std::array<double, kRows * kFeatures> values{};
  for (double& value : values) {
    const auto high = static_cast<double>(generator() >> 5U);
    const auto low = static_cast<double>(generator() >> 6U);
    value = (high * kLowBits + low) / kAllBits;
  }
  HostArray array;
  array.spec = {.type = DataType::kFloat64, .shape = {kRows, kFeatures}};
  array.data.resize(sizeof(values));
  std::memcpy(array.data.data(), values.data(), sizeof(values));
  return array;
}

}  // namespace

GoldenPair MakeGoldenPair() {
  // The seed that every implementation starts from.
  std::mt19937 generator(0);
  GoldenPair pair;
  pair.reference = NextArray(generator);
  pair.candidate = NextArray(generator);
  return pair;
}

absl::Span<const GoldenValue> GoldenValues() {
  return kGoldenValues;
}

}  // namespace repscore
