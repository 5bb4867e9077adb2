package dev.halcyon.tck.oracle;

import java.util.Arrays;
import java.util.List;

/// The orthogonalisation of a matrix by a list of Newton-Schulz steps.
///
/// The matrix is divided by its Frobenius norm, taken wide (transposed if it has more rows than
/// columns), put through the steps `A = X Xᵀ`, `X <- a X + (b A + c A²) X`, and transposed back.
/// Sources: Keller Jordan's muon.py, `zeropower_via_newtonschulz5`; for the Gram form
/// Dao-AILab/gram-newton-schulz.
///
/// @param steps one entry per step
/// @param norm how eps keeps a zero matrix from being divided by zero
/// @param eps the small number
public record NewtonSchulz(List<Coefficients> steps, NormRule norm, double eps) {
    /// Where eps enters the normalisation.
    public enum NormRule {
        /// `X / (‖X‖ + eps)` (Keller Jordan, Moonlight).
        ADD_EPS,
        /// `X / max(‖X‖, eps)` (torch.optim.Muon).
        CLAMP_MIN
    }

    /// Copies the list.
    public NewtonSchulz {
        steps = List.copyOf(steps);
    }

    /// Five of Keller Jordan's steps with `‖X‖ + 1e-7`.
    public static NewtonSchulz kellerJordan() {
        return new NewtonSchulz(
                Coefficients.repeated(Coefficients.KELLER_JORDAN, 5), NormRule.ADD_EPS, 1e-7);
    }

    /// The orthogonalised matrix.
    ///
    /// @param g `[rows, columns]`, left as it is
    public double[] apply(double[] g, int rows, int columns) {
        Shapes.require("g", g.length, rows, columns);
        boolean tall = rows > columns;
        int n = Math.min(rows, columns);
        int m = Math.max(rows, columns);
        double[] x = normalise(tall ? transpose(g, rows, columns) : g);
        for (Coefficients step : steps) {
            x = step(x, n, m, step);
        }
        return tall ? transpose(x, n, m) : x;
    }

    /// Every matrix of a batch, each with its own norm.
    ///
    /// @param g `[batch, rows, columns]`
    public double[] applyBatch(double[] g, int batch, int rows, int columns) {
        Shapes.require("g", g.length, batch, rows, columns);
        double[] out = new double[g.length];
        for (int i = 0; i < batch; i++) {
            int size = rows * columns;
            double[] one = Arrays.copyOfRange(g, i * size, (i + 1) * size);
            System.arraycopy(apply(one, rows, columns), 0, out, i * size, size);
        }
        return out;
    }

    /// The same polynomial by way of the Gram matrix, which is cheaper for wide matrices: only `n x
    /// n` products per step.
    ///
    /// With `R = X Xᵀ` and `Q = I`: `Z = b R + c R²`, `Q <- Q (a I + Z)`, `R <- (a I + Z) R (a I +
    /// Z)`; after step `restartAfter` X becomes Q X and R, Q start anew, which is where a
    /// half-precision backend regains accuracy. Finally `X = Q X`. Square matrices give the same
    /// result; production code uses the plain form for them.
    ///
    /// @param restartAfter steps before each restart; 0 for none
    public double[] applyGram(double[] g, int rows, int columns, int restartAfter) {
        Shapes.require("g", g.length, rows, columns);
        boolean tall = rows > columns;
        int n = Math.min(rows, columns);
        int m = Math.max(rows, columns);
        double[] x = normalise(tall ? transpose(g, rows, columns) : g);
        double[] r = gram(x, n, m);
        double[] q = identity(n);
        for (int s = 0; s < steps.size(); s++) {
            if (restartAfter > 0 && s == restartAfter) {
                x = product(q, x, n, n, m);
                r = gram(x, n, m);
                q = identity(n);
            }
            Coefficients step = steps.get(s);
            double[] factor = polynomial(r, n, step);
            q = product(q, factor, n, n, n);
            r = product(product(factor, r, n, n, n), factor, n, n, n);
        }
        x = product(q, x, n, n, m);
        return tall ? transpose(x, n, m) : x;
    }

    /// Division by the norm, the state before the first step.
    public double[] normalise(double[] g) {
        double length = Reduce.norm(List.of(g));
        double divisor = norm == NormRule.ADD_EPS ? length + eps : Math.max(length, eps);
        double[] x = new double[g.length];
        for (int i = 0; i < x.length; i++) {
            x[i] = g[i] / divisor;
        }
        return x;
    }

    /// One step of a wide matrix.
    ///
    /// @param x `[n, m]` with `n <= m`
    public static double[] step(double[] x, int n, int m, Coefficients step) {
        return product(polynomial(gram(x, n, m), n, step), x, n, n, m);
    }

    /// One row of the result of a step, in `O(n m)`: for checking samples of a large matrix from a
    /// backend's own input.
    public static double[] stepRow(double[] x, int n, int m, Coefficients step, int row) {
        Shapes.require("x", x.length, n, m);
        double[] gramRow = new double[n];
        double[] gramRowTimesX = new double[m];
        for (int j = 0; j < n; j++) {
            gramRow[j] = Dot.of(x, row * m, x, j * m, m);
            for (int c = 0; c < m; c++) {
                gramRowTimesX[c] += gramRow[j] * x[j * m + c];
            }
        }
        double[] out = new double[m];
        for (int c = 0; c < m; c++) {
            out[c] = step.a() * x[row * m + c];
        }
        for (int j = 0; j < n; j++) {
            double factor =
                    step.b() * gramRow[j] + step.c() * Dot.of(gramRowTimesX, 0, x, j * m, m);
            for (int c = 0; c < m; c++) {
                out[c] += factor * x[j * m + c];
            }
        }
        return out;
    }

    /// `a I + b A + c A²`.
    private static double[] polynomial(double[] a, int n, Coefficients step) {
        double[] square = product(a, a, n, n, n);
        double[] out = new double[n * n];
        for (int i = 0; i < out.length; i++) {
            out[i] = step.b() * a[i] + step.c() * square[i] + (i % (n + 1) == 0 ? step.a() : 0);
        }
        return out;
    }

    private static double[] gram(double[] x, int n, int m) {
        return Linear.apply(x, Rows.of(x, n, m));
    }

    private static double[] product(double[] a, double[] b, int rows, int inner, int columns) {
        double[] c = new double[rows * columns];
        for (int i = 0; i < rows; i++) {
            for (int p = 0; p < inner; p++) {
                for (int j = 0; j < columns; j++) {
                    c[i * columns + j] += a[i * inner + p] * b[p * columns + j];
                }
            }
        }
        return c;
    }

    private static double[] transpose(double[] x, int rows, int columns) {
        double[] out = new double[x.length];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                out[j * rows + i] = x[i * columns + j];
            }
        }
        return out;
    }

    private static double[] identity(int n) {
        double[] out = new double[n * n];
        for (int i = 0; i < n; i++) {
            out[i * (n + 1)] = 1;
        }
        return out;
    }
}
