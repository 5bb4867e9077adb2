package dev.halcyon.tck.oracle;

import java.util.List;

/// Matrix products of rows that belong to different experts, in the three layouts that models use.
///
/// Weights are `[N, K]` per expert, so that each product is `A Wᵀ`. A segment may be empty. Source:
/// DeepGEMM, the M-grouped contiguous, M-grouped masked and K-grouped kinds.
public final class GroupedGemm {
    private GroupedGemm() {}

    /// Contiguous: rows `start[e]` to `end[e] - 1` of A belong to expert e. Rows of no segment
    /// (padding) stay zero here; a backend leaves them unspecified.
    ///
    /// @param a `[rows, K]`
    /// @return `[rows, N]`
    public static double[] contiguous(double[] a, int[] start, int[] end, List<Rows> weights) {
        int k = weights.getFirst().columns();
        int n = weights.getFirst().rows();
        int rows = Shapes.quotient("a", a.length, k);
        double[] c = new double[rows * n];
        for (int e = 0; e < weights.size(); e++) {
            product(a, start[e], end[e], weights.get(e), c, n);
        }
        return c;
    }

    /// Masked: expert e owns `maxRows` rows of which the first `counts[e]` are live. The other rows
    /// stay zero here.
    ///
    /// @param a `[experts, maxRows, K]`
    /// @return `[experts, maxRows, N]`
    public static double[] masked(double[] a, int maxRows, int[] counts, List<Rows> weights) {
        int k = weights.getFirst().columns();
        int n = weights.getFirst().rows();
        Shapes.require("a", a.length, weights.size(), maxRows, k);
        double[] c = new double[weights.size() * maxRows * n];
        for (int e = 0; e < weights.size(); e++) {
            product(a, e * maxRows, e * maxRows + counts[e], weights.get(e), c, n);
        }
        return c;
    }

    /// K-grouped, the weight gradient: `C[e] (+)= Dᵀ X` over the rows of expert e's segment.
    ///
    /// @param d `[rows, M]`, the gradient of the layer's output
    /// @param x `[rows, N]`, the layer's input
    /// @param c `[experts, M, N]`; added to when `accumulate`, otherwise overwritten, with zero for
    ///   an empty segment
    public static void kGrouped(
            double[] d,
            double[] x,
            int m,
            int n,
            int[] start,
            int[] end,
            boolean accumulate,
            double[] c) {
        Shapes.require("c", c.length, start.length, m, n);
        for (int e = 0; e < start.length; e++) {
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    double sum = 0;
                    for (int row = start[e]; row < end[e]; row++) {
                        sum += d[row * m + i] * x[row * n + j];
                    }
                    int index = (e * m + i) * n + j;
                    c[index] = accumulate ? c[index] + sum : sum;
                }
            }
        }
    }

    private static void product(double[] a, int start, int end, Rows weight, double[] c, int n) {
        int k = weight.columns();
        double[] row = new double[k];
        for (int j = 0; j < n; j++) {
            weight.read(j, row);
            for (int i = start; i < end; i++) {
                c[i * n + j] = Dot.of(a, i * k, row, 0, k);
            }
        }
    }
}
