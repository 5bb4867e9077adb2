package dev.halcyon.hal.kernel;

import static dev.halcyon.hal.kernel.AbsentMemory.packed;
import static dev.halcyon.hal.kernel.AbsentMemory.quantized;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.kernel.elementwise.Copy;
import dev.halcyon.hal.kernel.elementwise.CrossEntropy;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.elementwise.Fill;
import dev.halcyon.hal.kernel.elementwise.Reduce;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.kernel.linear.Quantize;
import dev.halcyon.hal.kernel.norm.AddRmsNorm;
import dev.halcyon.hal.kernel.norm.LayerNorm;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.reflect.RecordComponent;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// What holds for every spec, whatever it computes.
class SpecLawsTest {
    static final int MAX = 8;
    private static final int DIM = 64;
    private static final DType F32 = DType.F32;
    private static final WeightFormat PLAIN = WeightFormat.rowMajor(F32);
    private static final QuantizationScheme SCHEME = QuantizationScheme.INT4_GROUP_32;

    /// One spec, made anew at each call, and its arguments with every optional operand for a number
    /// of rows.
    record Case<A extends KernelArgs>(Supplier<KernelSpec<A>> spec, LongFunction<A> args) {
        @Override
        public String toString() {
            return spec.get().name();
        }
    }

    private static Tensor rows(long rows) {
        return tensor(F32, rows, DIM);
    }

    private static Tensor active() {
        return tensor(DType.I32, 1);
    }

    private static Tensor ints(long rows) {
        return tensor(DType.I32, rows);
    }

    static Stream<Case<?>> cases() {
        return Stream.concat(primitives(), ModelSpecCases.all());
    }

    private static Stream<Case<?>> primitives() {
        WeightFormat tiles = PLAIN.withLayout("tiles");
        return Stream.of(
                new Case<Axpby.Args>(
                        () -> Axpby.add(MAX, DIM, F32).withDeviceScalars(),
                        r -> new Axpby.Args(rows(r), rows(r), rows(r), tensor(F32, 2), active())),
                new Case<Cast.Args>(
                        () -> Cast.of(MAX, DIM, F32, DType.BF16),
                        r -> new Cast.Args(rows(r), tensor(DType.BF16, r, DIM))),
                new Case<Copy.Args>(
                        () -> Copy.of(MAX, DIM, F32), r -> new Copy.Args(rows(r), rows(r))),
                new Case<Fill.Args>(() -> Fill.of(MAX, DIM, F32, 0.5), r -> new Fill.Args(rows(r))),
                new Case<SwiGlu.Args>(
                        () -> SwiGlu.of(MAX, DIM, F32).withLimit(10).withRowWeight(true),
                        r -> new SwiGlu.Args(rows(r), rows(r), tensor(F32, r), rows(r), active())),
                new Case<Embedding.Args>(
                        () -> Embedding.of(MAX, 100, DIM, F32),
                        r -> new Embedding.Args(ints(r), rows(100), rows(r), active())),
                new Case<Reduce.Args>(
                        () -> Reduce.norm(MAX * DIM, F32),
                        r -> new Reduce.Args(rows(r), tensor(F32, 1))),
                new Case<CrossEntropy.Args>(
                        () -> CrossEntropy.of(MAX, DIM, F32),
                        r ->
                                new CrossEntropy.Args(
                                        rows(r),
                                        ints(r),
                                        tensor(F32, r),
                                        tensor(F32, r),
                                        active())),
                new Case<RmsNorm.Args>(
                        () -> RmsNorm.of(MAX, DIM, F32, 1e-6),
                        r -> new RmsNorm.Args(rows(r), tensor(F32, DIM), rows(r), null, active())),
                new Case<AddRmsNorm.Args>(
                        () -> AddRmsNorm.of(MAX, DIM, F32, 1e-6),
                        r ->
                                new AddRmsNorm.Args(
                                        rows(r),
                                        rows(r),
                                        tensor(F32, DIM),
                                        rows(r),
                                        rows(r),
                                        active())),
                new Case<LayerNorm.Args>(
                        () -> LayerNorm.of(MAX, DIM, F32, 1e-6),
                        r ->
                                new LayerNorm.Args(
                                        rows(r),
                                        tensor(F32, DIM),
                                        tensor(F32, DIM),
                                        rows(r),
                                        active())),
                new Case<Gemm.Args>(
                        () -> Gemm.linear(MAX, DIM, 16, F32, PLAIN, F32),
                        r ->
                                new Gemm.Args(
                                        rows(r),
                                        tensor(F32, 16, DIM),
                                        tensor(F32, r, 16),
                                        active())),
                new Case<GroupedGemm.Args>(
                        () -> GroupedGemm.contiguous(3, MAX, 16, DIM, F32, PLAIN, F32),
                        r ->
                                new GroupedGemm.Args(
                                        rows(r),
                                        tensor(F32, 3, 16, DIM),
                                        ints(3),
                                        ints(3),
                                        tensor(F32, r, 16))),
                new Case<Quantize.Args>(
                        () -> Quantize.of(MAX, DIM, F32, SCHEME),
                        r -> new Quantize.Args(rows(r), quantized(SCHEME, r, DIM))),
                new Case<Dequantize.Args>(
                        () -> Dequantize.of(MAX, DIM, SCHEME, F32),
                        r -> new Dequantize.Args(quantized(SCHEME, r, DIM), rows(r))),
                new Case<PackWeight.Args>(
                        () -> PackWeight.matrix(MAX, DIM, PLAIN, tiles),
                        r -> new PackWeight.Args(rows(MAX), packed(tiles, MAX, DIM))),
                new Case<Sample.Args>(
                        () -> Sample.random(MAX, DIM, F32),
                        r ->
                                new Sample.Args(
                                        rows(r),
                                        tensor(F32, r),
                                        tensor(F32, r),
                                        ints(r),
                                        tensor(DType.I64, r),
                                        ints(r),
                                        ints(r),
                                        active())));
    }

    @ParameterizedTest
    @MethodSource("cases")
    <A extends KernelArgs> void equalSpecsAreOneKey(Case<A> given) {
        KernelSpec<A> first = given.spec.get();
        KernelSpec<A> second = given.spec.get();
        assertEquals(first, second);
        assertEquals(first.hashCode(), second.hashCode());
        assertTrue(first.getClass().isRecord());
        for (RecordComponent component : first.getClass().getRecordComponents()) {
            assertFalse(
                    component.getType().isArray(),
                    component + " is an array, which has no value equality");
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    <A extends KernelArgs> void firstEditionIsRevisionOne(Case<A> given) {
        assertEquals(1, given.spec.get().revision());
        assertEquals(given.spec.get().getClass().getSimpleName(), given.spec.get().name());
    }

    @ParameterizedTest
    @MethodSource("cases")
    <A extends KernelArgs> void takesAnyNumberOfRowsWithinTheBound(Case<A> given) {
        for (long rows : new long[] {0, 1, MAX - 1, MAX}) {
            given.spec.get().validate(given.args.apply(rows));
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    <A extends KernelArgs> void costGrowsWithRowsAndEndsAtTheBound(Case<A> given) {
        KernelSpec<A> spec = given.spec.get();
        assertEquals(spec.cost(), spec.cost(given.args.apply(MAX)));
        Cost last = Cost.ZERO;
        for (long rows : new long[] {0, 1, MAX - 1, MAX}) {
            Cost cost = spec.cost(given.args.apply(rows));
            assertTrue(
                    cost.flops() >= last.flops() && cost.bytes() >= last.bytes(),
                    cost + " after " + last);
            last = cost;
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    <A extends KernelArgs> void everyOperandIsListedUnderItsName(Case<A> given)
            throws ReflectiveOperationException {
        A args = given.args.apply(MAX);
        List<Operands.Access> accesses = given.spec.get().operands(args).accesses();
        Map<String, Operand> listed =
                accesses.stream()
                        .collect(Collectors.toMap(Operands.Access::name, Operands.Access::operand));
        Set<String> names = new HashSet<>();
        for (RecordComponent component : args.getClass().getRecordComponents()) {
            Object value = component.getAccessor().invoke(args);
            Object operand = value instanceof CachePool pool ? pool.storage() : value;
            if (operand instanceof Operand) {
                names.add(component.getName());
                assertSame(operand, listed.get(component.getName()), component.getName());
            }
        }
        assertEquals(names, listed.keySet());
        assertTrue(accesses.stream().anyMatch(access -> access.mode() != Operands.Mode.READ));
        accesses.forEach(
                access ->
                        assertTrue(
                                names.containsAll(access.mayEqual()),
                                access.mayEqual().toString()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    <A extends KernelArgs> void bothListsOfOperandsNameTheSame(Case<A> given) {
        A args = given.args.apply(MAX);
        assertEquals(
                args.operands().accesses().stream().map(Operands.Access::name).toList(),
                given.spec.get().operands(args).accesses().stream()
                        .map(Operands.Access::name)
                        .toList());
    }
}
