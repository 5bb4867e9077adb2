package dev.halcyon.tck.verify;

import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

import java.util.List;

/// Named weights in device memory, wherever they come from and however they are stored.
interface WeightSource {
    /// A matrix as it is stored: in the run's element type, or block-scaled.
    Operand matrix(String name);

    /// A matrix in the run's element type; decoded on the device where it is block-scaled.
    Tensor plain(String name);

    /// A vector in the run's element type.
    Tensor vector(String name);

    /// A vector in F32, for what is never narrowed, such as a gate's bias.
    Tensor f32(String name);

    /// Matrices of one shape as one operand.
    Operand all(List<String> names);

    /// Whether there is a weight of that name.
    boolean has(String name);
}
