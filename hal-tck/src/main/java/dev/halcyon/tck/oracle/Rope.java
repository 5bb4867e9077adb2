package dev.halcyon.tck.oracle;

/// Rotary position embedding of a part of each head, in place.
///
/// Source: DeepSeek-V3 inference/model.py, `apply_rotary_emb` (interleaved); the `rotate_half` form
/// of Hugging Face Transformers (half split).
public final class Rope {
    private Rope() {}

    /// Which two values make a pair.
    public enum Layout {
        /// `(x[2i], x[2i+1])`, as the checkpoints of the DeepSeek family are stored.
        INTERLEAVED,
        /// `(x[i], x[i + d/2])`.
        HALF_SPLIT
    }

    /// Which way the pairs turn.
    public enum Direction {
        /// By the angle of the position.
        FORWARD,
        /// By the negative angle: the gradient of the forward rotation, and the de-rotation of
        /// DeepSeek-V4's attention output.
        INVERSE
    }

    /// Rotates `table.dim()` values that start at `x[offset]`.
    public static void rotate(
            double[] x,
            int offset,
            RopeTable table,
            long position,
            Layout layout,
            Direction direction) {
        int pairs = table.dim() / 2;
        for (int i = 0; i < pairs; i++) {
            int first = offset + (layout == Layout.INTERLEAVED ? 2 * i : i);
            int second = layout == Layout.INTERLEAVED ? first + 1 : first + pairs;
            double cos = table.cos(position, i);
            double sin =
                    direction == Direction.FORWARD
                            ? table.sin(position, i)
                            : -table.sin(position, i);
            double a = x[first];
            double b = x[second];
            x[first] = a * cos - b * sin;
            x[second] = a * sin + b * cos;
        }
    }

    /// Rotates the values `ropeOffset` to `ropeOffset + table.dim() - 1` of every head of every
    /// token.
    ///
    /// @param x `[tokens, heads, headDim]`, changed in place
    /// @param positions one position per token
    public static void rotateHeads(
            double[] x,
            int heads,
            int headDim,
            int ropeOffset,
            int[] positions,
            RopeTable table,
            Layout layout,
            Direction direction) {
        Shapes.require("x", x.length, positions.length, heads, headDim);
        if (ropeOffset < 0 || ropeOffset + table.dim() > headDim) {
            throw new IllegalArgumentException(
                    "a head of "
                            + headDim
                            + " values has no "
                            + table.dim()
                            + " values at offset "
                            + ropeOffset);
        }
        for (int token = 0; token < positions.length; token++) {
            for (int head = 0; head < heads; head++) {
                int offset = (token * heads + head) * headDim + ropeOffset;
                rotate(x, offset, table, positions[token], layout, direction);
            }
        }
    }
}
