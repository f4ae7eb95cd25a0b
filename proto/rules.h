// rules.h - rules between fields of one experiment's configuration, which field options cannot say.
#pragma once

#include <vector>

#include "proto/spec.h"

namespace normlab {

// Appends violations such as "mnist_mlp.batch_size is 128; expected at most train_images (100)".
void CheckRules(const v1::JobSpec& resolved, std::vector<FieldViolation>& violations);

}  // namespace normlab
