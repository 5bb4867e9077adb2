package dev.halcyon.hal.kernel.norm;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

class NormTest {
    private static final RmsNorm RMS = RmsNorm.of(8, 16, DType.BF16, 1e-6);
    private static final AddRmsNorm ADD_RMS =
            AddRmsNorm.of(8, 16, DType.F32, 1e-6).withTypes(DType.F32, DType.BF16, DType.BF16);
    private static final LayerNorm LAYER = LayerNorm.of(8, 16, DType.F32, 1e-5);

    private static Tensor rows(DType dtype, long rows) {
        return tensor(dtype, rows, 16);
    }

    private static AddRmsNorm.Args addArgs(long rows) {
        return AddRmsNorm.Args.of(
                rows(DType.F32, rows),
                rows(DType.F32, rows),
                tensor(DType.BF16, 16),
                rows(DType.F32, rows),
                rows(DType.BF16, rows));
    }

    @Test
    void refusesAnEpsilonThatIsNone() {
        for (double epsilon : new double[] {-1e-6, Double.NaN, Double.POSITIVE_INFINITY}) {
            String value = Double.toString(epsilon);
            assertRefused(() -> RmsNorm.of(8, 16, DType.F32, epsilon), "epsilon", value);
            assertRefused(() -> AddRmsNorm.of(8, 16, DType.F32, epsilon), "epsilon", value);
            assertRefused(() -> LayerNorm.of(8, 16, DType.F32, epsilon), "epsilon", value);
        }
        assertEquals(0, RmsNorm.of(8, 16, DType.F32, 0).epsilon());
        assertNotEquals(RMS, RmsNorm.of(8, 16, DType.BF16, 1e-5));
    }

    @Test
    void wantsTheWeightExactlyWhenWeighted() {
        Tensor x = rows(DType.BF16, 4);
        RMS.validate(RmsNorm.Args.of(x, tensor(DType.BF16, 16), x));
        assertRefused(() -> RMS.validate(RmsNorm.Args.unweighted(x, x)), "weight", "missing");
        assertRefused(
                () -> RMS.validate(RmsNorm.Args.of(x, tensor(DType.BF16, 8), x)),
                "weight",
                "[16]",
                "[8]");

        RmsNorm unweighted = RmsNorm.unweighted(8, 16, DType.BF16, 1e-6);
        unweighted.validate(RmsNorm.Args.unweighted(x, x));
        assertRefused(
                () -> unweighted.validate(RmsNorm.Args.of(x, tensor(DType.BF16, 16), x)),
                "weight",
                "does not use it");
    }

    @Test
    void wantsOneInverseForEachRow() {
        RmsNorm.Args good =
                RmsNorm.Args.of(rows(DType.BF16, 4), tensor(DType.BF16, 16), rows(DType.BF16, 4));
        RMS.validate(good.withInverseRms(tensor(DType.F32, 4)));
        assertRefused(
                () -> RMS.validate(good.withInverseRms(tensor(DType.F32, 8))),
                "inverseRms",
                "[4]",
                "[8]");
        assertEquals(
                RMS.cost(good).bytes() + 4 * 4,
                RMS.cost(good.withInverseRms(tensor(DType.F32, 4))).bytes());
    }

    @Test
    void checksEveryOperandOfTheFusedNorm() {
        ADD_RMS.validate(addArgs(8));
        AddRmsNorm.Args good = addArgs(4);
        Tensor short3 = rows(DType.F32, 3);
        Tensor weight = tensor(DType.BF16, 16);
        assertRefused(
                () ->
                        ADD_RMS.validate(
                                AddRmsNorm.Args.of(
                                        good.x(), short3, weight, good.sum(), good.out())),
                "residual",
                "3",
                "4");
        assertRefused(
                () ->
                        ADD_RMS.validate(
                                AddRmsNorm.Args.of(
                                        good.x(), good.residual(), weight, short3, good.out())),
                "sum",
                "3",
                "4");
        assertRefused(
                () ->
                        ADD_RMS.validate(
                                AddRmsNorm.Args.of(
                                        good.x(),
                                        good.residual(),
                                        weight,
                                        good.sum(),
                                        good.residual())),
                "out",
                "BF16",
                "F32");
        assertRefused(
                () ->
                        ADD_RMS.validate(
                                AddRmsNorm.Args.unweighted(
                                        good.x(), good.residual(), good.sum(), good.out())),
                "weight",
                "missing");
    }

    @Test
    void checksEveryOperandOfTheLayerNorm() {
        Tensor x = rows(DType.F32, 4);
        Tensor weight = tensor(DType.F32, 16);
        LAYER.validate(LayerNorm.Args.of(x, weight, weight, x));
        assertRefused(
                () -> LAYER.validate(LayerNorm.Args.of(x, tensor(DType.F32, 4), weight, x)),
                "weight",
                "[4]");
        assertRefused(
                () -> LAYER.validate(LayerNorm.Args.of(x, weight, tensor(DType.BF16, 16), x)),
                "bias",
                "BF16");
        assertRefused(
                () -> LAYER.validate(LayerNorm.Args.of(x, weight, weight, rows(DType.F32, 5))),
                "out",
                "5");
    }

    @Test
    void normsInPlaceAndSumsInPlace() {
        assertEquals(
                Set.of("x"),
                RmsNorm.Args.unweighted(rows(DType.F32, 1), rows(DType.F32, 1))
                        .operands()
                        .accesses()
                        .getLast()
                        .mayEqual());
        assertTrue(
                addArgs(1).operands().accesses().stream()
                        .anyMatch(
                                access ->
                                        access.name().equals("sum")
                                                && access.mayEqual()
                                                        .equals(Set.of("residual", "x"))));
    }

    @Test
    void fusedNormIsASumAndThenANorm() {
        Lowering<AddRmsNorm.Args> lowering = ADD_RMS.lowering().orElseThrow();
        AddRmsNorm.Args args = addArgs(4).withActiveRows(tensor(DType.I32, 1));
        List<KernelArgs> steps = new ArrayList<>();
        for (Lowering.Step<AddRmsNorm.Args, ?> step : lowering.steps()) {
            steps.add(validated(step, args));
        }
        assertEquals(List.of(), lowering.scratch());
        assertEquals(2, steps.size());
        Axpby.Args sum = (Axpby.Args) steps.getFirst();
        RmsNorm.Args norm = (RmsNorm.Args) steps.getLast();
        assertSame(args.sum(), sum.out());
        assertSame(args.activeRows(), sum.activeRows());
        assertSame(args.sum(), norm.x());
        assertSame(args.out(), norm.out());
        assertSame(args.activeRows(), norm.activeRows());
    }

    private static <B extends KernelArgs> B validated(
            Lowering.Step<AddRmsNorm.Args, B> step, AddRmsNorm.Args args) {
        B finer = step.arguments().apply(args, Map.of());
        step.spec().validate(finer);
        return finer;
    }

    @Test
    void costsEveryElementOnce() {
        assertEquals(new Cost(4 * 8 * 16, 2 * 2 * 8 * 16 + 2 * 16), RMS.cost());
        assertEquals(
                new Cost(3 * 8 * 16, 2 * 2 * 8 * 16),
                RmsNorm.unweighted(8, 16, DType.BF16, 1e-6).cost());
        assertEquals(new Cost(5 * 8 * 16, (3 * 4 + 2) * 8 * 16 + 2 * 16), ADD_RMS.cost());
        assertEquals(new Cost(7 * 8 * 16, 2 * 4 * 8 * 16 + 2 * 4 * 16), LAYER.cost());
    }
}
