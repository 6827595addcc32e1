// The incomplete gamma and beta functions, regularised: between 0 and 1.
//
// All are computed in double precision and rounded once. Gamma: a power series below the mean,
// a continued fraction above it, and for large orders near the mean Temme's expansion around a
// normal distribution. Beta: a continued fraction. Arguments outside of the domain give NaN.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/axes.h"
#include "cpu/loops.h"
#include "cpu/register_structure.h"
#include "cpu/vector/shapes.h"

namespace penstock {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kEpsilon = 1e-17;
constexpr double kTwoPi = 6.28318530717958647693;

// lgamma of the C library writes a global; this one does not.
double log_gamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}

// m - log(1 + m), exact for small m too.
double log1p_rest(double m) {
  if (std::abs(m) > 0.4) return m - std::log1p(m);
  const double s = m / (2 + m), square = s * s;  // log(1 + m) = 2 atanh(s)
  double sum = 0;
  for (int k = 29; k >= 3; k -= 2) sum = sum * square + 1.0 / k;
  return m * m / (2 + m) - 2 * s * square * sum;
}

// x^a e^-x / gamma(a + 1), without the cancellation of its logarithms where a is large.
double density(double a, double x) {
  if (a < 20) return std::exp(a * std::log(x) - x - log_gamma(a + 1));
  const double tail = (1 / 12.0 - (1 / 360.0 - 1 / (1260.0 * a * a)) / (a * a)) / a;
  return std::exp(-a * log1p_rest((x - a) / a) - tail) / std::sqrt(kTwoPi * a);
}

// The lower function by its series; right where x is not far above a.
double gamma_series(double a, double x) {
  double term = 1, sum = 1;
  for (double n = 1; n < 100000; n += 1) {
    term *= x / (a + n);
    sum += term;
    if (term < kEpsilon * sum) break;
  }
  return density(a, x) * sum;
}

// The upper function by its continued fraction; right where x is above a + 1.
double gamma_fraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a, c = 1 / kTiny, d = 1 / b, h = d;
  for (double n = 1; n < 100000; n += 1) {
    const double numerator = -n * (n - a);
    b += 2;
    d = numerator * d + b;
    c = b + numerator / c;
    d = 1 / (std::abs(d) < kTiny ? kTiny : d);
    c = std::abs(c) < kTiny ? kTiny : c;
    h *= d * c;
    if (std::abs(d * c - 1) < 1e-16) break;
  }
  return density(a, x) * a * h;
}

template <int n>
double polynomial(const double (&coefficients)[n], double x) {
  double y = coefficients[n - 1];
  for (int k = n - 2; k >= 0; --k) y = y * x + coefficients[k];
  return y;
}

// The upper (`sign` 1) or lower (-1) function for large a and x near a.
double gamma_temme(double a, double x, double sign) {
  static constexpr double kFirst[] = {-1 / 3.0,    1 / 12.0,           -2 / 135.0,
                                      1 / 864.0,   1 / 2835.0,         -139 / 777600.0,
                                      1 / 25515.0, -571 / 261273600.0, -281 / 151559100.0};
  static constexpr double kSecond[] = {-1 / 540.0, -1 / 288.0, 1 / 378.0, -77 / 77760.0};
  const double rest = log1p_rest((x - a) / a);
  const double eta = std::copysign(std::sqrt(2 * rest), x - a);
  const double correction = polynomial(kFirst, eta) + polynomial(kSecond, eta) / a;
  const double normal = 0.5 * std::erfc(sign * eta * std::sqrt(a / 2));
  return normal + sign * std::exp(-a * rest) / std::sqrt(kTwoPi * a) * correction;
}

bool is_near_mean(double a, double x) { return a > 1e4 && std::abs(x - a) < 0.1 * a; }

double lower_gamma(double a, double x) {
  if (x == 0 && a >= 0) return 0;
  if (!(x >= 0) || !(a > 0)) return kNaN;
  if (std::isinf(a)) return std::isinf(x) ? kNaN : 0.0;
  if (std::isinf(x)) return 1;
  if (is_near_mean(a, x)) return gamma_temme(a, x, -1);
  return x > a + 1 ? 1 - gamma_fraction(a, x) : gamma_series(a, x);
}

double upper_gamma(double a, double x) {
  if (!(x >= 0) || !(a > 0)) return kNaN;
  if (x == 0) return 1;
  if (std::isinf(a)) return std::isinf(x) ? kNaN : 1.0;
  if (std::isinf(x)) return 0;
  if (is_near_mean(a, x)) return gamma_temme(a, x, 1);
  return x > a + 1 ? gamma_fraction(a, x) : 1 - gamma_series(a, x);
}

// The derivative of the lower function by a: that of each term of its series, a weight times
// log x - digamma(a + n + 1).
double lower_gamma_slope(double a, double x) {
  if (x == 0 && a >= 0) return 0;
  if (!(x >= 0) || !(a > 0)) return kNaN;
  const double spread = 40 * std::sqrt(std::max(a, x)) + 200;
  if (std::isinf(a) || x > a + spread || x < a - spread) return 0;
  if (a > 1e7) return -density(a, x);  // all that is left of it in double precision
  double digamma = 0, z = a + 1;
  for (; z < 10; z += 1) digamma -= 1 / z;
  const double square = 1 / (z * z);
  digamma += std::log(z) - 0.5 / z -
             square * (1 / 12.0 - square * (1 / 120.0 - square * (1 / 252.0 - square / 240.0)));
  double term = density(a, x), slope = std::log(x) - digamma, sum = term * slope;
  for (double n = 1; n < 1000000; n += 1) {
    slope -= 1 / (a + n);
    term *= x / (a + n);
    sum += term * slope;
    if (a + n > x && term * std::abs(slope) < 1e-18) break;
  }
  return sum;
}

double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto kept = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1, d = 1 / kept(1 - (a + b) * x / (a + 1)), h = d;
  for (double m = 1; m < 20000; m += 1) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / kept(1 + even * d);
    c = kept(1 + even / c);
    h *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / kept(1 + odd * d);
    c = kept(1 + odd / c);
    h *= d * c;
    if (std::abs(d * c - 1) < 1e-16) break;
  }
  return h;
}

double beta(double a, double b, double x) {
  if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1)) return kNaN;
  if (x == 0 || x == 1) return x;
  const double front = std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) +
                                b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

// ---- kernels

template <double (*f)(double, double)>
struct Zip {
  template <class T>
  static T at(const T& x, const T& y) {
    return static_cast<T>(f(static_cast<double>(x), static_cast<double>(y)));
  }
};
template <double (*f)(double, double)>
ZipSpec zip_spec(DType t) {
  return {visit_dtype<float, double>(
              t, [](auto e) -> ZipLoops { return zip_loops<Zip<f>, decltype(e)>(); }),
          300.0};
}

// Operands of one shape; a scalar stands for all elements.
void compute_betainc(KernelContext& ctx) {
  Shape shape;
  for (int i = 0; i < 3; ++i) {
    if (ctx.input(i).is_scalar()) continue;
    require(shape.rank() == 0 || shape == ctx.input(i).shape(),
            "a, b and x must be scalars or of one shape, got ", ctx.input(0).shape(), ", ",
            ctx.input(1).shape(), " and ", ctx.input(2).shape());
    shape = ctx.input(i).shape();
  }
  Tensor& out = ctx.allocate_output(0, shape);
  visit_dtype<float, double>(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* to = out.mutable_data<T>();
    ctx.parallel_for(out.num_elements(), 400.0, [&](int64_t begin, int64_t end) {
      const auto at = [&](int i, int64_t k) {
        return static_cast<double>(ctx.input(i).data<T>()[ctx.input(i).is_scalar() ? 0 : k]);
      };
      for (int64_t k = begin; k < end; ++k) {
        to[k] = static_cast<T>(beta(at(0, k), at(1, k), at(2, k)));
      }
    });
  });
}

}  // namespace

void register_incomplete(KernelRegistry& r) {
  r.add("Igamma", kCpu, {{"T", kFloating}}, zip<zip_spec<lower_gamma>>);
  r.add("Igammac", kCpu, {{"T", kFloating}}, zip<zip_spec<upper_gamma>>);
  r.add("IgammaGradA", kCpu, {{"T", kFloat2}}, zip<zip_spec<lower_gamma_slope>>);
  r.add("Betainc", kCpu, {{"T", kFloat2}}, function<compute_betainc>);
}

}  // namespace penstock
