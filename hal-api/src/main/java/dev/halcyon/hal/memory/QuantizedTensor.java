package dev.halcyon.hal.memory;

import java.util.Objects;

/// A block-scaled matrix (or a stack of them): values and their scales, two tensors that travel
/// together.
///
/// @param values the stored values, at least two-dimensional
/// @param scales one scale per block, shape [QuantizationScheme#scaleShape(Shape)]
/// @param scheme how to read them
public record QuantizedTensor(Tensor values, Tensor scales, QuantizationScheme scheme)
        implements Operand {
    public QuantizedTensor {
        Objects.requireNonNull(scheme, "scheme");
        if (values.dtype() != scheme.values() || scales.dtype() != scheme.scales()) {
            throw new IllegalArgumentException(
                    "scheme "
                            + scheme
                            + " wants "
                            + scheme.values()
                            + " values and "
                            + scheme.scales()
                            + " scales, got "
                            + values.dtype()
                            + " and "
                            + scales.dtype());
        }
        Shape wanted = scheme.scaleShape(values.shape());
        if (!scales.shape().equals(wanted)) {
            throw new IllegalArgumentException(
                    "values "
                            + values.shape()
                            + " in blocks of "
                            + scheme.blockRows()
                            + "x"
                            + scheme.blockColumns()
                            + " need scales of shape "
                            + wanted
                            + ", got "
                            + scales.shape());
        }
    }

    @Override
    public Shape shape() {
        return values.shape();
    }

    @Override
    public WeightFormat format() {
        return WeightFormat.rowMajor(scheme);
    }
}
