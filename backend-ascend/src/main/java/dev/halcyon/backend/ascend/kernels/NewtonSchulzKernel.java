package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.Scalar;
import dev.halcyon.backend.ascend.operators.Soc;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz.NormRule;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [NewtonSchulz], all matrices in one batch.
///
/// The fused form takes three operators a step: a product, and two that multiply and add with one
/// rounding, as they do with sums in binary32 on A2 and A3. Where a multiply-and-add of 16-bit
/// matrices rounds in between, it is composed of a product and a sum in binary32.
record NewtonSchulzKernel(Platform platform)
        implements Kernel<NewtonSchulz, NewtonSchulz.Args, AscendWork> {
    private static final String FUSED = "newton-schulz.baddbmm";
    private static final String COMPOSED = "newton-schulz.composed";

    /// `USE_FP32_ADD`: one kernel that multiplies and adds before it rounds.
    private static final int ADD_IN_BINARY32 = 4;

    private static final int KEEP_TYPE = 0;

    private record Views(MatrixViews x, MatrixViews out) {}

    @Override
    public Class<NewtonSchulz> specType() {
        return NewtonSchulz.class;
    }

    @Override
    public List<String> implementations() {
        return hasFusedAdd() ? List.of(FUSED) : List.of(FUSED, COMPOSED);
    }

    private boolean hasFusedAdd() {
        return hasFusedAdd(platform);
    }

    private static boolean hasFusedAdd(Platform platform) {
        return (platform.soc() == Soc.A2 || platform.soc() == Soc.A3)
                && platform.has(Operator.MATMUL_WEIGHT_NZ);
    }

    private static boolean fuses(Platform platform, NewtonSchulz spec) {
        return spec.compute() == DType.F32 || hasFusedAdd(platform);
    }

    /// {@return the orthogonalised matrices, of the type that the spec computes in}
    ///
    /// @param x of three dimensions
    static View orthogonalised(Composition c, NewtonSchulz spec, View x) {
        boolean fused = fuses(c.platform(), spec);
        return new Iteration(c, spec, fused).result(new MatrixViews(List.of(x)));
    }

    @Override
    public Decision<NewtonSchulz.Args, AscendWork> decide(NewtonSchulz spec, Limits limits) {
        if (spec.compute() == DType.F64) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "the matrix unit does not compute in F64",
                    "a NewtonSchulz that computes in F32");
        }
        Decision<NewtonSchulz.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.in(), spec.compute(), spec.out());
        if (refusal != null) {
            return refusal;
        }
        boolean fused = fuses(platform, spec);
        return Composed.decide(
                platform,
                fused ? FUSED : COMPOSED,
                Composed.reductions(DType.F32),
                new Views(
                        MatrixViews.unbound(
                                spec.in(), spec.matrices(), spec.rows(), spec.columns()),
                        MatrixViews.unbound(
                                spec.out(), spec.matrices(), spec.rows(), spec.columns())),
                args -> new Views(MatrixViews.of(args.x()), MatrixViews.of(args.out())),
                (c, views) -> new Iteration(c, spec, fused).run(views));
    }

    /// One composition in the making.
    private record Iteration(Composition c, NewtonSchulz spec, boolean fused) {
        void run(Views views) {
            views.out().store(c, result(views.x()));
        }

        View result(MatrixViews given) {
            View x = normalised(given);
            View result = spec.usesGram() ? gram(x) : plain(x);
            boolean tall = spec.rows() > spec.columns();
            return tall ? result.transpose(1, 2) : result;
        }

        private AclDataType type() {
            return Composed.acl(spec.compute());
        }

        private View square() {
            return c.scratch(type(), spec.matrices(), spec.shortSide(), spec.shortSide());
        }

        private View wide() {
            return c.scratch(type(), spec.matrices(), spec.shortSide(), spec.longSide());
        }

        private View normalised(MatrixViews given) {
            boolean tall = spec.rows() > spec.columns();
            View x = wide();
            given.load(c, tall ? x.transpose(1, 2) : x);
            long mark = c.mark();
            View numbers = c.scratch(AclDataType.FLOAT, x.dims());
            c.convert(x, numbers);
            View squares = c.scratch(AclDataType.FLOAT, x.dims());
            c.multiply(numbers, numbers, squares);
            View rows = c.scratch(AclDataType.FLOAT, spec.matrices(), spec.shortSide(), 1);
            c.sumRows(squares, rows);
            View norm = c.scratch(AclDataType.FLOAT, spec.matrices(), 1, 1);
            c.reduceSum(rows, new long[] {1}, norm);
            c.squareRoot(norm);
            if (spec.norm() == NormRule.ADD_EPSILON) {
                c.addTo(norm, spec.epsilon());
            } else {
                View below = c.scratch(AclDataType.FLOAT, norm.dims());
                c.multiply(norm, -1, below);
                c.fillWhere(norm, c.greater(below, -spec.epsilon()), spec.epsilon());
            }
            c.divideBy(numbers, norm);
            c.convert(numbers, x);
            c.release(mark);
            return x;
        }

        private View plain(View first) {
            View x = first;
            View next = wide();
            View s = square();
            View y = square();
            for (Coefficients step : spec.steps()) {
                multiply(x, x.transpose(1, 2), s);
                multiplyAdd(s, step.b(), s, s, step.c(), y);
                multiplyAdd(x, step.a(), y, x, 1, next);
                View done = x;
                x = next;
                next = done;
            }
            return x;
        }

        private View gram(View first) {
            View x = first;
            View other = wide();
            View r = square();
            View nextR = square();
            View q = square();
            View nextQ = square();
            View z = square();
            View t = square();
            multiply(x, x.transpose(1, 2), r);
            boolean fresh = true;
            List<Coefficients> steps = spec.steps();
            for (int i = 0; i < steps.size(); i++) {
                Coefficients step = steps.get(i);
                multiplyAdd(r, step.b(), r, r, step.c(), z);
                if (fresh) {
                    // Q was the identity: a Q + Q Z is Z with a added on the diagonal.
                    c.copy(z, q);
                    c.addTo(diagonal(q), step.a());
                    fresh = false;
                } else {
                    multiplyAdd(q, step.a(), q, z, 1, nextQ);
                    View done = q;
                    q = nextQ;
                    nextQ = done;
                }
                boolean last = i == steps.size() - 1;
                if (!last) {
                    multiplyAdd(r, step.a(), r, z, 1, t);
                    multiplyAdd(t, step.a(), z, t, 1, nextR);
                    View done = r;
                    r = nextR;
                    nextR = done;
                }
                if (i == 1 && !last) {
                    multiply(q, x, other);
                    View done = x;
                    x = other;
                    other = done;
                    multiply(x, x.transpose(1, 2), r);
                    fresh = true;
                }
            }
            if (!fresh) {
                multiply(q, x, other);
                return other;
            }
            return x;
        }

        private static View diagonal(View square) {
            long n = square.dim(1);
            return new View(
                    square.type(),
                    square.base(),
                    square.offset(),
                    new long[] {square.dim(0), n},
                    new long[] {n * n, n + 1});
        }

        private void multiply(View a, View b, View out) {
            c.product(a, b, out);
        }

        /// `out = beta x + alpha a b`.
        private void multiplyAdd(View x, double beta, View a, View b, double alpha, View out) {
            if (fused) {
                c.call(
                        Operator.BADDBMM,
                        x,
                        a,
                        b,
                        new Scalar(AclDataType.FLOAT, beta),
                        new Scalar(AclDataType.FLOAT, alpha),
                        out,
                        x.type() == AclDataType.FLOAT ? KEEP_TYPE : ADD_IN_BINARY32);
                return;
            }
            long mark = c.mark();
            View sum = c.scratch(AclDataType.FLOAT, out.dims());
            Products.multiply(c, a, b, sum);
            c.multiplyBy(sum, alpha);
            c.addTo(sum, c.as(AclDataType.FLOAT, x), beta);
            c.convert(sum, out);
            c.release(mark);
        }
    }
}
