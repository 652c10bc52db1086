// Signs of maps that lie plane by plane (NCHW), as training has them. C++17, no torch.
#pragma once
#include <cstdint>

namespace surge {

// x: [channel][pixel], `channels` planes of `pixels` each. The sign of channel c goes to bit c % 32
// of word c / 32, bits: [pixel][word], `pixel_words` words apart; 1 where x >= 0, so 0 for NaN.
void pack_planes(const float* x, int64_t channels, int64_t pixels, int64_t pixel_words,
                 uint32_t* bits);

// scale where x >= 0, else -scale.
void float_signs(const float* x, float scale, int64_t count, float* out);

// out = b + factor * a, and b itself where factor is 0; b may be out.
void add_scaled(const float* b, const float* a, float factor, int64_t count, float* out);

// [pixel][channel] to [channel][pixel].
void to_planes(const float* x, int64_t pixels, int64_t channels, float* out);

}  // namespace surge
