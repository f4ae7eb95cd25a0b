// number.h - numbers as a reader wants them, the same bytes in every locale.
#pragma once

#include <string>

namespace normlab::report {

// "2.45"; "NaN", "inf", "-inf". Minus signs are U+2212, as typeset text has them.
std::string Fixed(double value, int digits);
// `digits` significant digits: "0.046", "12", and outside 10^-3 .. 10^5 "4.6×10⁻⁴".
std::string Significant(double value, int digits);
// "10⁻⁴"
std::string Power(int exponent);
// The shortest text that reads back to the same double, or NaN, Infinity, -Infinity: for CSV and coordinates of data.
std::string Exact(double value);

}  // namespace normlab::report
