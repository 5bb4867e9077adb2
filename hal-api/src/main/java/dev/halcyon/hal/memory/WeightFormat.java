package dev.halcyon.hal.memory;

import java.util.Objects;
import java.util.Optional;

/// How a weight is stored: element type or quantization scheme, and layout.
///
/// Specs carry one of these for each weight, so that a backend can say truthfully whether it
/// supports them. `device.preferred(…)` names the layout the device is fastest with; `PackWeight`
/// converts.
///
/// @param dtype type of the stored values
/// @param scheme the block scales, if there are any; then `dtype` is the scheme's value type
/// @param layout [#ROW_MAJOR] or a name a backend has given one of its own layouts
/// @param isListed whether the operand is a [TensorList], one address a slice
public record WeightFormat(
        DType dtype, Optional<QuantizationScheme> scheme, String layout, boolean isListed) {
    /// The layout of every checkpoint: rows of the output dimension, contiguous.
    public static final String ROW_MAJOR = "row-major";

    public WeightFormat {
        Objects.requireNonNull(dtype, "dtype");
        Objects.requireNonNull(layout, "layout");
        if (scheme.isPresent() && scheme.get().values() != dtype) {
            throw new IllegalArgumentException(
                    "weight format of "
                            + dtype
                            + " with a scheme of "
                            + scheme.get().values()
                            + " values");
        }
    }

    /// {@return unscaled elements in rows}
    public static WeightFormat rowMajor(DType dtype) {
        return new WeightFormat(dtype, Optional.empty(), ROW_MAJOR, false);
    }

    /// {@return block-scaled elements in rows}
    public static WeightFormat rowMajor(QuantizationScheme scheme) {
        return new WeightFormat(scheme.values(), Optional.of(scheme), ROW_MAJOR, false);
    }

    /// {@return the same storage, one address a slice}
    public WeightFormat listed() {
        return new WeightFormat(dtype, scheme, layout, true);
    }

    /// {@return the same storage in one piece}
    public WeightFormat unlisted() {
        return new WeightFormat(dtype, scheme, layout, false);
    }

    /// {@return the same elements in another layout}
    public WeightFormat withLayout(String otherLayout) {
        return new WeightFormat(dtype, scheme, otherLayout, isListed);
    }

    /// {@return the bytes that a weight of this shape holds: its values plus its scales}
    ///
    /// A layout that a backend named may pad, so its storage can be larger.
    ///
    /// @param shape the logical shape, whatever the storage
    public long bytes(Shape shape) {
        long values = dtype.bytes(shape.elements());
        return scheme.map(s -> values + s.scales().bytes(s.scaleShape(shape).elements()))
                .orElse(values);
    }

    /// {@return whether the elements lie in rows}
    public boolean isRowMajor() {
        return layout.equals(ROW_MAJOR);
    }

    /// {@return a short description for messages: `F8_E4M3/F32 128x128 row-major`}
    @Override
    public String toString() {
        String scales =
                scheme.map(s -> "/" + s.scales() + " " + s.blockRows() + "x" + s.blockColumns())
                        .orElse("");
        return dtype + scales + " " + layout + (isListed ? " listed" : "");
    }
}
