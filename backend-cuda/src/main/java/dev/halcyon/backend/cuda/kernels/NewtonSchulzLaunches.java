package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz.NormRule;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The launches of an orthogonalisation, some matrices at a time: what brings them into the
/// workspace, the products of every step, and what takes them out again.
final class NewtonSchulzLaunches {
    private static final int ENDS_BLOCK = 256;
    private static final int SMALL_BLOCK = 128;
    private static final int LARGE_BLOCK = 256;

    private final KernelFunctions functions;
    private final NewtonSchulz spec;
    private final NewtonSchulzMemory memory;
    private final long start;
    private final Ends ends;
    private final List<KernelLaunch> launches = new ArrayList<>();

    /// How many matrices are in work, and which of its two places the whole matrices are in.
    private int matrices;

    private int present;

    /// What begins and ends the iteration.
    ///
    /// @param x the matrices, or gradients
    /// @param momentum the momenta; null if there are none
    /// @param out the result, or the parameters
    /// @param step the optimizer's step; null if the result is wanted
    /// @param hyper learning rate and weight decay; null if the result is wanted
    record Ends(
            Slices x,
            @Nullable Slices momentum,
            Slices out,
            @Nullable MuonStep step,
            @Nullable Tensor hyper) {}

    /// A side of a product: matrices of the workspace.
    private record Side(long address, long rowStride, long bytes) {
        /// No matrices.
        static final Side NONE = new Side(0, 0, 0);
    }

    private NewtonSchulzLaunches(
            KernelFunctions functions, NewtonSchulz spec, Ends ends, Tensor workspace) {
        this.functions = functions;
        this.spec = spec;
        this.memory = NewtonSchulzMemory.of(spec);
        this.start = workspace.address();
        this.ends = ends;
    }

    /// {@return all launches in order}
    static List<KernelLaunch> of(
            KernelFunctions functions, NewtonSchulz spec, Ends ends, Tensor workspace) {
        NewtonSchulzLaunches all = new NewtonSchulzLaunches(functions, spec, ends, workspace);
        for (int first = 0; first < spec.matrices(); first += all.memory.atOnce()) {
            all.matrices = Math.min(all.memory.atOnce(), spec.matrices() - first);
            all.iterate(first);
        }
        return all.launches;
    }

    private void iterate(int first) {
        present = 0;
        end(first, "newton_schulz_begin", memory.parts());
        long elements = (long) spec.rows() * spec.columns();
        end(first, "newton_schulz_divide", StridedTransfers.blocks(elements));
        if (spec.usesGram()) {
            gramSteps();
        } else {
            spec.steps().forEach(this::plainStep);
        }
        end(first, "newton_schulz_end", memory.parts());
    }

    private Side whole() {
        return new Side(start + memory.whole(present), memory.longStride(), memory.longBytes());
    }

    private Side small(int number) {
        return new Side(start + memory.small(number), memory.shortStride(), memory.shortBytes());
    }

    /// `S = X X^T`, `Y = b S + c S^2`, `X = a X + Y X`.
    private void plainStep(Coefficients step) {
        gram(small(0));
        square(small(0), small(0), small(0), small(1), step.c(), step.b());
        multiply(small(1), step.a());
    }

    /// Products of polynomials of one symmetric matrix commute, so all of them are symmetric.
    private void gramSteps() {
        Side r = small(0);
        Side z = small(1);
        Side t = small(2);
        boolean isFirst = true;
        int q = 3;
        gram(r);
        for (int i = 0; i < spec.steps().size(); i++) {
            Coefficients step = spec.steps().get(i);
            boolean isLast = i == spec.steps().size() - 1;
            boolean restarts = i == 1 && !isLast;
            if (isFirst) {
                // Q is the identity, so a Q + Q Z is at hand where Z is.
                symmetric(r, r, r, z, spec.shortSide(), step.c(), step.b(), small(q), step.a());
            } else {
                square(r, r, r, z, step.c(), step.b());
                square(small(q), z, small(q), small(7 - q), 1, step.a());
                q = 7 - q;
            }
            isFirst = restarts;
            if (isLast || restarts) {
                multiply(small(q), 0);
            } else {
                square(r, z, r, t, 1, step.a());
                square(t, z, t, r, 1, step.a());
            }
            if (restarts) {
                gram(r);
            }
        }
    }

    private void gram(Side out) {
        symmetric(whole(), whole(), Side.NONE, out, spec.longSide(), 1, 0, Side.NONE, 0);
    }

    /// `out = alpha a b + beta c` of small matrices, all symmetric.
    private void square(Side a, Side b, Side c, Side out, double alpha, double beta) {
        symmetric(a, b, c, out, spec.shortSide(), alpha, beta, Side.NONE, 0);
    }

    /// `out = alpha a b^T + beta c`, and `shifted = out + shift I`.
    private void symmetric(
            Side a,
            Side b,
            Side c,
            Side out,
            int depth,
            double alpha,
            double beta,
            Side shifted,
            double shift) {
        long across = Math.ceilDiv(spec.shortSide(), memory.tile());
        Params params = product(a, b, c, out, shifted, spec.shortSide(), depth, true);
        params.real(alpha).real(beta).real(shift);
        launch(params, "nt", across * (across + 1) / 2);
    }

    /// `X = y X + beta X`.
    private void multiply(Side y, double beta) {
        Side x = whole();
        present = 1 - present;
        int n = spec.shortSide();
        Params params = product(y, x, x, whole(), Side.NONE, spec.longSide(), n, false);
        params.real(1).real(beta).real(0);
        launch(
                params,
                "nn",
                (long) Math.ceilDiv(n, memory.tile())
                        * Math.ceilDiv(spec.longSide(), memory.tile()));
    }

    private Params product(
            Side a,
            Side b,
            Side c,
            Side out,
            Side shifted,
            int columns,
            int depth,
            boolean isSymmetric) {
        return Params.of()
                .address(a.address)
                .address(b.address)
                .address(c.address)
                .address(out.address)
                .address(shifted.address)
                .integer(ElementTypes.code(spec.compute()))
                .integer(spec.shortSide())
                .integer(columns)
                .integer(depth)
                .integer(isSymmetric ? 1 : 0)
                .integer(a.rowStride)
                .integer(b.rowStride)
                .integer(c.rowStride)
                .integer(out.rowStride)
                .integer(a.bytes)
                .integer(b.bytes)
                .integer(c.bytes)
                .integer(out.bytes);
    }

    private void launch(Params params, String order, long tiles) {
        boolean isLarge = memory.tile() == NewtonSchulzMemory.LARGE_TILE;
        boolean isF32 = spec.compute() == DType.F32;
        String size = isF32 ? "" : isLarge ? "_large" : "_small";
        String type = spec.compute().name().toLowerCase(Locale.ROOT);
        launches.add(
                params.launch(
                        functions,
                        "newton_schulz_" + type + size + "_" + order,
                        Math.toIntExact(tiles),
                        matrices,
                        isF32 ? GemmKernel.FMA_THREADS : isLarge ? LARGE_BLOCK : SMALL_BLOCK));
    }

    private void end(int first, String kernel, int blocks) {
        MuonStep step = ends.step;
        Params params = Params.of();
        ends.x.addTo(params);
        (ends.momentum == null ? Slices.NONE : ends.momentum).addTo(params);
        ends.out.addTo(params);
        params.address(start + memory.whole(present))
                .address(start + memory.squares())
                .address(ends.hyper)
                .integer(ElementTypes.code(step == null ? spec.in() : step.gradient()))
                .integer(ElementTypes.code(step == null ? spec.in() : step.buffer()))
                .integer(ElementTypes.code(spec.in()))
                .integer(ElementTypes.code(spec.compute()))
                .integer(ElementTypes.code(spec.out()))
                .integer(ElementTypes.code(step == null ? spec.out() : step.parameter()))
                .integer(first)
                .integer(spec.rows())
                .integer(spec.columns())
                .integer(memory.longStride())
                .integer(memory.parts())
                .integer(spec.rows() > spec.columns() ? 1 : 0)
                .integer(ends.momentum == null ? 0 : 1)
                .integer(step != null && step.nesterov() ? 1 : 0)
                .stride(ends.hyper, 0)
                .integer(spec.norm() == NormRule.CLAMP_MIN ? 1 : 0)
                .real(spec.epsilon())
                .real(step == null ? 0 : step.beta())
                .real(step == null ? 1 : step.gradientFactor())
                .real(step == null ? 1 : step.updateScale());
        launches.add(params.launch(functions, kernel, blocks, matrices, ENDS_BLOCK));
    }
}
