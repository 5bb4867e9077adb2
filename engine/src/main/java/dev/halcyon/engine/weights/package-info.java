/// A checkpoint's weights as operands of one device: mapped where they are stored as kernels take
/// them, converted once where they are not.
@NullMarked
package dev.halcyon.engine.weights;

import org.jspecify.annotations.NullMarked;
