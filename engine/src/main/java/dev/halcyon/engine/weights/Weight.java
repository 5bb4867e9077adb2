package dev.halcyon.engine.weights;

import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.WeightFormat;

/// A linear weight and the format that specs must name for it.
///
/// @param operand the stored weight, rows being outputs
/// @param format its format
public record Weight(Operand operand, WeightFormat format) {
    /// {@return the weight that `operand` holds}
    public static Weight of(Operand operand) {
        return new Weight(operand, operand.format());
    }

    /// {@return the number of outputs}
    public int rows() {
        return Math.toIntExact(operand.shape().dim(-2));
    }

    /// {@return the number of inputs}
    public int columns() {
        return Math.toIntExact(operand.shape().dim(-1));
    }
}
