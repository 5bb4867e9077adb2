package dev.halcyon.tck.oracle;

import java.util.Arrays;

/// The order in which routed tokens stand before the grouped GEMM: one aligned segment per local
/// expert.
///
/// Within a segment rows are in token order, so the mapping is the same every time. Experts outside
/// the local range get no row, and so does the index -1. Source: TileKernels, `get_fused_mapping`
/// and `expand_to_fused`.
///
/// @param rows all rows, padding included: the end of the last segment
/// @param counts `[localExperts]` tokens of each expert
/// @param segmentStart `[localExperts]` first row of each expert; a multiple of the alignment
/// @param segmentEnd `[localExperts]` start plus count; the rows up to the next start are padding
/// @param tokenTopkToPos `[tokens, topK]` row of each routed token, -1 if it has none here
/// @param posToToken `[rows]` token of each row, -1 on padding
/// @param posToTokenTopk `[rows]` flat index `token * topK + k`, -1 on padding
/// @param posToExpert `[rows]` local expert of each row, -1 on padding
@SuppressWarnings("ArrayRecordComponent")
public record Dispatch(
        int rows,
        int[] counts,
        int[] segmentStart,
        int[] segmentEnd,
        int[] tokenTopkToPos,
        int[] posToToken,
        int[] posToTokenTopk,
        int[] posToExpert) {
    /// The mapping for experts `firstExpert` to `firstExpert + localExperts - 1`.
    ///
    /// @param indices `[tokens, topK]` expert indices among all experts, -1 for none
    /// @param alignment every segment starts at a multiple of this many rows
    /// @throws IllegalArgumentException if the alignment is not positive
    public static Dispatch of(
            int[] indices, int topK, int firstExpert, int localExperts, int alignment) {
        if (alignment < 1) {
            throw new IllegalArgumentException("alignment must be positive, got " + alignment);
        }
        int[] counts = new int[localExperts];
        for (int index : indices) {
            if (isLocal(index, firstExpert, localExperts)) {
                counts[index - firstExpert]++;
            }
        }
        int[] start = new int[localExperts];
        int[] end = new int[localExperts];
        int rows = 0;
        for (int e = 0; e < localExperts; e++) {
            start[e] = rows;
            end[e] = rows + counts[e];
            rows += Math.ceilDiv(counts[e], alignment) * alignment;
        }
        int[] toPos = filled(indices.length);
        int[] toToken = filled(rows);
        int[] toTokenTopk = filled(rows);
        int[] toExpert = filled(rows);
        int[] next = start.clone();
        for (int i = 0; i < indices.length; i++) {
            if (isLocal(indices[i], firstExpert, localExperts)) {
                int expert = indices[i] - firstExpert;
                int pos = next[expert]++;
                toPos[i] = pos;
                toToken[pos] = i / topK;
                toTokenTopk[pos] = i;
                toExpert[pos] = expert;
            }
        }
        return new Dispatch(rows, counts, start, end, toPos, toToken, toTokenTopk, toExpert);
    }

    /// The rows of `x` in dispatch order; padding rows are zero.
    ///
    /// @param x `[tokens, width]`
    /// @return `[rows, width]`
    public double[] expand(double[] x, int width) {
        return Embedding.gather(
                posToToken, Rows.of(x, Shapes.quotient("x", x.length, width), width));
    }

    /// The gradient of [#expand]: each token's rows added up, k ascending.
    ///
    /// @param dRows `[rows, width]`
    /// @return `[tokens, width]`
    public double[] expandBackward(double[] dRows, int width, int topK) {
        Shapes.require("dRows", dRows.length, rows, width);
        double[] dx = new double[tokenTopkToPos.length / topK * width];
        for (int i = 0; i < tokenTopkToPos.length; i++) {
            for (int c = 0; tokenTopkToPos[i] >= 0 && c < width; c++) {
                dx[i / topK * width + c] += dRows[tokenTopkToPos[i] * width + c];
            }
        }
        return dx;
    }

    private static boolean isLocal(int index, int firstExpert, int localExperts) {
        return index >= firstExpert && index < firstExpert + localExperts;
    }

    private static int[] filled(int length) {
        int[] array = new int[length];
        Arrays.fill(array, -1);
        return array;
    }
}
