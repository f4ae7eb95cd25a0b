#include "nn/whitening.h"

#include <Eigen/Dense>

#include "nn/error.h"

namespace normlab::nn {

std::vector<float> whitening_matrix(Index features, const std::vector<double>& covariance, double eps) {
  const Eigen::Map<const Eigen::MatrixXd> c(covariance.data(), features, features);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(c);
  if (eigen.info() != Eigen::Success || !eigen.eigenvalues().allFinite()) {
    throw Error("whitening: the covariance is not finite");
  }
  // Rounding may put a variance of 0 a little below it.
  const Eigen::VectorXd scale = (eigen.eigenvalues().array().max(0.0) + eps).rsqrt();
  const Eigen::MatrixXd w = eigen.eigenvectors() * scale.asDiagonal() * eigen.eigenvectors().transpose();
  std::vector<float> matrix(static_cast<std::size_t>(w.size()));
  Eigen::Map<Eigen::MatrixXf>(matrix.data(), features, features) = w.cast<float>();
  return matrix;
}

}  // namespace normlab::nn
