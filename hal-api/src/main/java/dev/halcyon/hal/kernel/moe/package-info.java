/// Mixture-of-experts specs: the router, the way of a token to its experts and back, the layer as a
/// whole, and what keeps the load of the experts even. The coarse specs,
/// [dev.halcyon.hal.kernel.moe.MoeLayer] and [dev.halcyon.hal.kernel.moe.SwiGluMlp], lower to the
/// finer ones here and in the neighbouring packages.
@NullMarked
package dev.halcyon.hal.kernel.moe;

import org.jspecify.annotations.NullMarked;
