// The logarithm of the gamma function, its derivatives, and Hurwitz' zeta function.
//
// All are computed in double precision and rounded once. Between 1.5 and 2.5 log-gamma is its
// Taylor series around 2; other arguments below 10 are moved there, those above use Stirling's
// series. Digamma has a series of its own around its root, so that it is exact there too.
#include <cmath>
#include <limits>

#include "cpu/loops.h"
#include "cpu/register_structure.h"
#include "cpu/vector/shapes.h"

namespace penstock {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// log gamma(2 + z) = the sum of kNear2[k] z^(k + 1); for k > 0 (-1)^(k + 1) (zeta(k + 1) - 1) / (k
// + 1)
constexpr double kNear2[] = {
    4.22784335098467134e-01,  3.22467033424113203e-01,  -6.73523010531981020e-02,
    2.05808084277845464e-02,  -7.38555102867398568e-03, 2.89051033074152336e-03,
    -1.19275391170326102e-03, 5.09669524743042450e-04,  -2.23154758453579386e-04,
    9.94575127818085310e-05,  -4.49262367381331420e-05, 2.05072127756706911e-05,
    -9.43948827526839672e-06, 4.37486678990748817e-06,  -2.03921575380136619e-06,
    9.55141213040741935e-07,  -4.49246919876456619e-07, 2.12071848055546646e-07,
    -1.00432248239680991e-07, 4.76981016936398040e-08,  -2.27110946089431635e-08,
    1.08386592148969546e-08,  -5.18347504197004664e-09, 2.48367454380247848e-09,
    -1.19214014058609115e-09, 5.73136724167886225e-10};
constexpr int kNear2Terms = sizeof kNear2 / sizeof *kNear2;

// digamma(root + z) = the sum of kNearRoot[k] z^(k + 1)
constexpr double kRoot = 1.46163214496836225e+00, kRootRest = 9.54999542996569743e-17;
constexpr double kNearRoot[] = {
    9.67672245447621204e-01,  -4.42763168983592081e-01, 2.58499760955651026e-01,
    -1.63942705442406522e-01, 1.07824050691262371e-01,  -7.21995612564547140e-02,
    4.88042881641431101e-02,  -3.31611264748473619e-02, 2.25976482322181038e-02,
    -1.54247659049489595e-02, 1.05387916166121750e-02,  -7.20453438635686866e-03,
    4.92678139572985327e-03,  -3.36980165543932821e-03, 2.30512632673492797e-03,
    -1.57693677143019720e-03, 1.07882520191629667e-03,  -7.38070938996005150e-04,
    5.04953265834601987e-04,  -3.45468025106307692e-04, 2.36356015640270530e-04,
    -1.61706220919748030e-04};

// Bernoulli numbers B(2k), k = 1, 2, ..., over what the series they stand in divides by.
constexpr double kStirling[] = {  // 2k (2k - 1)
    8.33333333333333287e-02,  -2.77777777777777788e-03, 7.93650793650793650e-04,
    -5.95238095238095292e-04, 8.41750841750841714e-04,  -1.91752691752691763e-03,
    6.41025641025641003e-03,  -2.95506535947712423e-02, 1.79644372368830574e-01};
constexpr double kDigamma[] = {  // 2k
    8.33333333333333287e-02,  -8.33333333333333322e-03, 3.96825396825396803e-03,
    -4.16666666666666661e-03, 7.57575757575757597e-03,  -2.10927960927960942e-02,
    8.33333333333333287e-02,  -4.43259803921568607e-01, 3.05395433027011975e+00};
constexpr double kEulerMaclaurin[] = {  // (2k)!
    8.33333333333333287e-02,  -1.38888888888888894e-03, 3.30687830687830710e-05,
    -8.26719576719576754e-07, 2.08767569878681002e-08,  -5.28419013868749322e-10,
    1.33825365306846789e-11,  -3.38968029632258272e-13, 8.58606205627784517e-15,
    -2.17486869855806192e-16, 5.50900282836022953e-18,  -1.39544646858125223e-19,
    3.53470703962946728e-21};

// In four chains side by side: each step of a single one would wait for the last.
template <int n>
double polynomial(const double (&coefficients)[n], double x) {
  const double square = x * x, step = square * square;
  double sum[4] = {0, 0, 0, 0};
  constexpr int kWhole = n / 4 * 4;
  for (int k = kWhole; k < n; ++k) sum[k - kWhole] = coefficients[k];
  for (int k = kWhole - 4; k >= 0; k -= 4) {
    for (int i = 0; i < 4; ++i) sum[i] = sum[i] * step + coefficients[k + i];
  }
  return (sum[0] + sum[1] * x) + square * (sum[2] + sum[3] * x);
}

// ---- log gamma

double log_gamma_near_2(double z) { return z * polynomial(kNear2, z); }

double log_gamma_positive(double x) {
  if (x < 0.5) return log_gamma_near_2(x) - std::log(x * (1 + x));
  if (x < 1.5) return log_gamma_near_2(x - 1) - std::log1p(x - 1);
  if (x < 10) {
    double product = 1;
    while (x >= 2.5) product *= --x;
    return log_gamma_near_2(x - 2) + std::log(product);
  }
  constexpr double kHalfLogTwoPi = 0.91893853320467274178;
  const double inverse = 1 / x;
  return (x - 0.5) * (std::log(x) - 1) + (kHalfLogTwoPi - 0.5) +
         inverse * polynomial(kStirling, inverse * inverse);
}

// How far x is from the nearest whole number; exact.
double from_whole(double x) { return x - std::nearbyint(x); }

double log_gamma(double x) {
  if (std::isnan(x)) return x;
  if (std::isinf(x)) return kInf;
  if (x > 0) return log_gamma_positive(x);
  if (x == std::floor(x)) return kInf;
  constexpr double kLogPi = 1.14472988584940017414;
  const double sine = std::abs(std::sin(kPi * from_whole(x)));
  return kLogPi - std::log(sine) - log_gamma_positive(1 - x);
}

// ---- digamma

// The derivative of the series of log gamma.
struct Derivative {
  double coefficients[kNear2Terms];
  constexpr Derivative() : coefficients() {
    for (int k = 0; k < kNear2Terms; ++k) coefficients[k] = (k + 1) * kNear2[k];
  }
};
constexpr Derivative kDigammaNear2;

double digamma_near_2(double z) { return polynomial(kDigammaNear2.coefficients, z); }

double digamma_positive(double x) {
  const double from_root = (x - kRoot) - kRootRest;
  if (std::abs(from_root) < 0.25) return from_root * polynomial(kNearRoot, from_root);
  if (x < 0.5) return digamma_near_2(x) - 1 / (1 + x) - 1 / x;
  if (x < 1.5) return digamma_near_2(x - 1) - 1 / x;
  if (x < 10) {
    double sum = 0;
    while (x >= 2.5) sum += 1 / --x;
    return digamma_near_2(x - 2) + sum;
  }
  const double inverse = 1 / x, square = inverse * inverse;
  return std::log(x) - 0.5 * inverse - square * polynomial(kDigamma, square);
}

double digamma(double x) {
  if (x > 0) return digamma_positive(x);
  if (!(x < 0) || x == std::floor(x)) return kNaN;  // also for NaN and minus infinity
  return digamma_positive(1 - x) - kPi / std::tan(kPi * from_whole(x));
}

// ---- zeta and polygamma

// The sum of (q + k)^-s over k = 0, 1, ..., for s > 1 and q > 0: the first terms, then the
// Euler-Maclaurin series of the rest.
double zeta_positive(double s, double q) {
  double sum = 0;
  for (int k = 0; k < 12; ++k, q += 1) {
    const double term = std::pow(q, -s);
    sum += term;
    if (term <= 1e-17 * sum || std::isinf(sum)) return sum;
  }
  const double end = std::pow(q, -s);
  sum += end * q / (s - 1) + 0.5 * end;
  double factor = end * s / q;  // s (s + 1) ... (s + 2k - 2) q^(-s - 2k + 1)
  double next = s;
  for (double coefficient : kEulerMaclaurin) {
    const double term = coefficient * factor;
    sum += term;
    if (std::abs(term) <= 1e-17 * sum) break;
    factor *= (next + 1) / q * ((next + 2) / q);
    next += 2;
  }
  return sum;
}

double zeta(double s, double q) {
  if (std::isnan(s) || std::isnan(q)) return kNaN;
  if (s == 1) return kInf;
  if (s < 1) return kNaN;
  if (std::isinf(s)) return q > 0 ? std::pow(q, -s) : kNaN;
  if (q > 0) return std::isinf(q) ? 0.0 : zeta_positive(s, q);
  const bool even = s == 2 * std::floor(s / 2);
  if (q == std::floor(q)) return even ? kInf : kNaN;
  if (s != std::floor(s)) return kNaN;
  // Negative terms are those of another zeta, without its tail, with the sign of (-1)^s.
  const double above = q - std::floor(q), below = 1 - above;
  const double negative = zeta_positive(s, below) - zeta_positive(s, 1 - q);
  return (even ? negative : -negative) + zeta_positive(s, above);
}

double polygamma(double n, double x) {
  if (n == 0) return digamma(x);
  if (!(n > 0) || n != std::floor(n)) return kNaN;
  const double z = zeta(n + 1, x);
  const bool odd = n != 2 * std::floor(n / 2);
  double factorial = 1;
  if (n <= 170) {
    for (int k = 2; k <= static_cast<int>(n); ++k) factorial *= k;
  } else {  // beyond double precision by itself
    const double size = std::exp(log_gamma(n + 1) + std::log(std::abs(z)));
    return odd == (z > 0) ? size : -size;
  }
  return odd ? factorial * z : -factorial * z;
}

// ---- loops

template <double (*f)(double)>
struct Map {
  template <class T>
  static T at(const T& x) {
    return static_cast<T>(f(static_cast<double>(x)));
  }
};
template <double (*f)(double, double)>
struct Zip {
  template <class T>
  static T at(const T& x, const T& y) {
    return static_cast<T>(f(static_cast<double>(x), static_cast<double>(y)));
  }
};
template <double (*f)(double)>
MapSpec map_spec(DType t) {
  return {
      visit_dtype<float, double>(t, [](auto e) -> MapFn { return map_loop<Map<f>, decltype(e)>; }),
      25.0};
}
template <double (*f)(double, double)>
ZipSpec zip_spec(DType t) {
  return {visit_dtype<float, double>(
              t, [](auto e) -> ZipLoops { return zip_loops<Zip<f>, decltype(e)>(); }),
          150.0};
}

}  // namespace

void register_gamma(KernelRegistry& r) {
  r.add("Lgamma", kCpu, {{"T", kFloating}}, map<map_spec<log_gamma>>);
  r.add("Digamma", kCpu, {{"T", kFloating}}, map<map_spec<digamma>>);
  r.add("Zeta", kCpu, {{"T", kFloat2}}, zip<zip_spec<zeta>>);
  r.add("Polygamma", kCpu, {{"T", kFloat2}}, zip<zip_spec<polygamma>>);
}

}  // namespace penstock
