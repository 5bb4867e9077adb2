package dev.halcyon.backend.ascend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.DeviceTask;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.kernel.attention.RotaryFrequencies;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.BoundLaunch;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What attention costs in launches; the numbers are those of `docs/ascend.md`.
class AttentionLaunchTest {
    private static final int ROWS = 4;
    private static final int HEADS = 8;
    private static final int HIDDEN = 256;
    private static final int NOPE = 32;
    private static final int ROPE = 64;
    private static final int LATENT = 512;
    private static final int VALUE = 32;
    private static final int RANK = 128;
    private static final int MOST_OF_A_LAYER = 157;
    private static final WeightFormat WEIGHT = WeightFormat.rowMajor(DType.BF16);

    private Device device;
    private DeviceArena arena;

    private void open(String profile) {
        EmulatorRoot root = EmulatorRoot.demand(profile, "launches of attention");
        device =
                new AscendBackendProvider(Map.of("halcyon.ascend.home", root.path().toString()))
                        .open(0, DeviceOptions.defaults());
        arena = device.arena("launches of attention");
    }

    @AfterEach
    void close() {
        if (device != null) {
            arena.close();
            device.close();
        }
    }

    private Tensor tensor(long... dims) {
        return arena.tensor(DType.BF16, dims);
    }

    private <A extends KernelArgs> List<DeviceTask> tasks(KernelSpec<A> spec, A args) {
        Plan<A> plan = device.plan(spec);
        BoundLaunch<?> launch =
                (BoundLaunch<?>) plan.bind(arena, args, device.workspace(arena, plan));
        return ((AscendWork) launch.work()).tasks();
    }

    private MlaDecode decode(CacheFormat format) {
        return MlaDecode.of(ROWS, HEADS, 0.04, format, 3, DType.BF16).withHostLengths(true);
    }

    private MlaDecode.Args args(CacheFormat format) {
        return MlaDecode.Args.of(
                        tensor(ROWS, HEADS, LATENT + ROPE),
                        CachePool.allocate(arena, format, 9),
                        arena.stepInput(DType.I32, ROWS, 3).tensor(),
                        arena.stepInput(DType.I32, ROWS).tensor(),
                        tensor(ROWS, HEADS, LATENT))
                .withLogSumExp(arena.tensor(DType.F32, ROWS, HEADS));
    }

    @ParameterizedTest
    @CsvSource({"head, aclnnFusedInferAttentionScoreV4", "8.1, aclnnFusedInferAttentionScoreV3"})
    void decodeIsOneAttentionBehindTwoCopiesOfTheQueriesParts(String profile, String symbol) {
        open(profile);
        CacheFormat format = device.cacheFormat(DType.BF16, LATENT, ROPE);
        List<DeviceTask> tasks = tasks(decode(format), args(format));
        assertThat(tasks).hasSize(3);
        assertThat(tasks.getLast())
                .isInstanceOfSatisfying(
                        DeviceTask.HostPlanned.class,
                        planned ->
                                assertThat(planned.call().operator().symbol()).isEqualTo(symbol));
    }

    @Test
    void prefillIsOneAttentionBehindThreeSmallOperatorsForTheKeys() {
        open("head");
        MlaPrefill spec =
                MlaPrefill.of(ROWS, 1, HEADS, 128, ROPE, 128, DType.BF16).withHostStarts(true);
        Tensor start = arena.stepInput(DType.I32, 2).tensor();
        Tensor ropeKey = tensor(ROWS, ROPE);
        Tensor query = tensor(ROWS, HEADS, 128 + ROPE);
        Tensor value = tensor(ROWS, HEADS, 128);
        Tensor out = tensor(ROWS, HEADS, 128);
        MlaPrefill.Args args =
                MlaPrefill.Args.of(
                        query, tensor(ROWS, HEADS, 128), ropeKey, value, start, start, out);
        List<DeviceTask> tasks = tasks(spec, args);
        assertThat(tasks).hasSize(4);
        assertThat(tasks.getLast()).isInstanceOf(DeviceTask.HostPlanned.class);
        Tensor both = tensor(ROWS, HEADS, 256);
        MlaPrefill.Args halves =
                MlaPrefill.Args.of(
                        query,
                        both.slice(2, 0, 128),
                        ropeKey,
                        both.slice(2, 128, 256),
                        start,
                        start,
                        out);
        assertThat(tasks(spec, halves)).hasSize(5);
    }

    @Test
    void hostLengthsMustBeThoseOfStepInputs() {
        open("head");
        CacheFormat format = device.cacheFormat(DType.BF16, LATENT, ROPE);
        MlaDecode.Args args = args(format);
        MlaDecode.Args others =
                MlaDecode.Args.of(
                        args.query(),
                        args.cache(),
                        args.blockTable(),
                        arena.tensor(DType.I32, ROWS),
                        args.out());
        assertThatThrownBy(() -> tasks(decode(format), others))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("lengths")
                .hasMessageContaining("stepInput");
    }

    @Test
    void decodeLayer() {
        open("head");
        Map<String, Integer> launches = new LinkedHashMap<>();
        Tensor x = tensor(ROWS, HIDDEN);
        Tensor normed = tensor(ROWS, RANK);
        linear(launches, "query down", x, RANK);
        norm(launches, "query norm", tensor(ROWS, RANK), normed);
        linear(launches, "query up", normed, HEADS * (NOPE + ROPE));
        linear(launches, "latent and rope key", x, LATENT + ROPE);
        Tensor both = tensor(ROWS, LATENT + ROPE);
        norm(launches, "latent norm", both.slice(1, 0, LATENT), tensor(ROWS, LATENT));
        Tensor positions = arena.tensor(DType.I32, ROWS);
        CacheFormat format = device.cacheFormat(DType.BF16, LATENT, ROPE);
        MlaDecode.Args args = args(format);
        Tensor query = tensor(ROWS, HEADS, NOPE + ROPE);
        rope(launches, "rope of the key", both.slice(1, LATENT, LATENT + ROPE).unsqueeze(1));
        launches.put(
                "cache",
                tasks(
                                CacheAppend.of(ROWS, format, DType.BF16),
                                CacheAppend.Args.of(
                                        tensor(ROWS, LATENT),
                                        tensor(ROWS, ROPE),
                                        positions,
                                        args.cache()))
                        .size());
        batched(
                launches,
                "W_UK",
                query.slice(2, 0, NOPE),
                tensor(HEADS, NOPE, LATENT),
                args.query().slice(2, 0, LATENT),
                false);
        rope(launches, "rope of the queries", query.slice(2, NOPE, NOPE + ROPE));
        launches.put("attention", tasks(decode(format), args).size());
        Tensor heads = tensor(ROWS, HEADS, VALUE);
        batched(launches, "W_UV", args.out(), tensor(HEADS, VALUE, LATENT), heads, true);
        linear(launches, "output", heads.reshape(ROWS, HEADS * VALUE), HIDDEN);
        Map<String, Integer> rest =
                Map.of(
                        "query down", 1,
                        "query norm", 1,
                        "query up", 1,
                        "latent and rope key", 1,
                        "latent norm", 1,
                        "W_UK", 2,
                        "attention", 3,
                        "W_UV", 2,
                        "output", 1);
        assertThat(launches).containsAllEntriesOf(rest);
        // Rope by tables and the check of slots are small operators, and the most of them.
        assertThat(launches.values().stream().mapToInt(Integer::intValue).sum())
                .isLessThanOrEqualTo(MOST_OF_A_LAYER);
    }

    private void linear(Map<String, Integer> launches, String name, Tensor x, int out) {
        int in = Math.toIntExact(x.dim(1));
        launches.put(
                name,
                tasks(
                                Gemm.linear(ROWS, in, out, DType.BF16, WEIGHT, DType.BF16),
                                Gemm.Args.of(x, tensor(out, in), tensor(ROWS, out)))
                        .size());
    }

    private void batched(
            Map<String, Integer> launches,
            String name,
            Tensor x,
            Tensor weight,
            Tensor out,
            boolean transposed) {
        Gemm spec =
                Gemm.batched(
                                HEADS,
                                ROWS,
                                Math.toIntExact(out.dim(2)),
                                Math.toIntExact(x.dim(2)),
                                DType.BF16,
                                WEIGHT,
                                DType.BF16)
                        .withTransposed(false, transposed);
        launches.put(
                name,
                tasks(spec, Gemm.Args.of(x.transpose(0, 1), weight, out.transpose(0, 1))).size());
    }

    private void norm(Map<String, Integer> launches, String name, Tensor x, Tensor out) {
        int width = Math.toIntExact(x.dim(1));
        launches.put(
                name,
                tasks(
                                RmsNorm.of(ROWS, width, DType.BF16, 1e-6),
                                RmsNorm.Args.of(x, tensor(width), out))
                        .size());
    }

    private void rope(Map<String, Integer> launches, String name, Tensor x) {
        int heads = Math.toIntExact(x.dim(1));
        launches.put(
                name,
                tasks(
                                Rope.of(
                                        ROWS,
                                        heads,
                                        ROPE,
                                        RotaryFrequencies.plain(ROPE, 10000),
                                        DType.BF16),
                                Rope.Args.of(
                                        x,
                                        arena.tensor(DType.I32, ROWS),
                                        tensor(ROWS, heads, ROPE)))
                        .size());
    }
}
