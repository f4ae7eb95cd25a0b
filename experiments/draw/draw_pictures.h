// draw_pictures.h - what DRAW makes, as pictures: samples, reconstructions, and how an image is drawn.
#pragma once

#include <string>

#include "experiments/draw/draw.h"

namespace normlab {

// 100 images from the prior, ten in a row: their pixels' probabilities.
std::string DrawSamplesPng(Draw& model, nn::Tape& tape, const GlimpseNoise& noise);

// How the images x (P x B) come back: ten in a row, each above its reconstruction.
std::string DrawReconstructionsPng(Draw& model, nn::Var x, const GlimpseNoise& noise);

// One row an image of x: the canvas after up to 16 glimpses at equal distances, the last among them, and the image.
// With attention, a red frame shows the write window: it joins the centres of the outer filters.
std::string DrawGlimpsesPng(Draw& model, nn::Var x, const GlimpseNoise& noise);

}  // namespace normlab
