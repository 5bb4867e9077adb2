package dev.halcyon.backend.ascend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.OperatorCall;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.BoundLaunch;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// The launches of an expert layer in BF16, by name: they are what `docs/ascend.md` promises, and
/// there are as many whatever the number of experts and tokens.
class MoeLayerLaunchTest {
    private static final int TOKENS = 5;
    private static final int HIDDEN = 32;
    private static final int WIDTH = 24;
    private static final int SHARED = 40;

    private static List<String> on(String profile, Function<Device, List<String>> test) {
        EmulatorRoot root = EmulatorRoot.demand(profile, "launches of an expert layer");
        Map<String, String> settings = Map.of("halcyon.ascend.home", root.path().toString());
        try (Device device =
                new AscendBackendProvider(settings).open(0, DeviceOptions.defaults())) {
            return test.apply(device);
        }
    }

    private static MoeLayer layer(int experts) {
        WeightFormat plain = WeightFormat.rowMajor(DType.BF16);
        MoeGate gate =
                MoeGate.of(TOKENS, HIDDEN, experts, 4, MoeGate.Score.SIGMOID, DType.BF16)
                        .withBias(true)
                        .withGroups(4, 2, MoeGate.GroupScore.TOP2_SUM)
                        .withScale(2.5);
        return MoeLayer.of(gate, WIDTH, plain).withShared(SHARED, plain, plain);
    }

    /// @param joined whether both projections of the shared expert lie one behind the other
    private static List<String> launches(Device device, int experts, boolean joined) {
        MoeLayer spec = layer(experts);
        try (DeviceArena arena = device.arena("launches")) {
            Tensor shared = arena.tensor(DType.BF16, 2 * SHARED, HIDDEN);
            MoeLayer.Args args =
                    MoeLayer.Args.of(
                                    arena.tensor(DType.BF16, TOKENS, HIDDEN),
                                    arena.tensor(DType.BF16, experts, HIDDEN),
                                    arena.tensor(DType.BF16, experts, WIDTH, HIDDEN),
                                    arena.tensor(DType.BF16, experts, WIDTH, HIDDEN),
                                    arena.tensor(DType.BF16, experts, HIDDEN, WIDTH),
                                    arena.tensor(DType.BF16, TOKENS, HIDDEN))
                            .withGateBias(arena.tensor(DType.F32, experts))
                            .withShared(
                                    joined
                                            ? shared.slice(0, 0, SHARED)
                                            : arena.tensor(DType.BF16, SHARED, HIDDEN),
                                    shared.slice(0, SHARED, 2 * SHARED),
                                    arena.tensor(DType.BF16, HIDDEN, SHARED));
            Plan<MoeLayer.Args> plan = device.plan(spec);
            assertThat(plan.support().capturable()).isTrue();
            BoundLaunch<?> launch =
                    (BoundLaunch<?>) plan.bind(arena, args, device.workspace(arena, plan));
            return ((AscendWork) launch.work())
                    .tasks().stream()
                            .map(
                                    task ->
                                            task instanceof OperatorCall call
                                                    ? call.operator().symbol()
                                                    : task.getClass().getSimpleName())
                            .toList();
        }
    }

    @Test
    void twelveOnTheNewestVersion() {
        assertThat(on("head", device -> launches(device, 16, false)))
                .containsExactly(
                        "aclnnMm",
                        "aclnnMoeGatingTopK",
                        "aclnnMoeInitRoutingV3",
                        "aclnnGroupedMatmulV4",
                        "aclnnGroupedMatmulV4",
                        "aclnnSwiGlu",
                        "aclnnGroupedMatmulV4",
                        "aclnnMm",
                        "aclnnMm",
                        "aclnnSwiGlu",
                        "aclnnMm",
                        "aclnnMoeFinalizeRoutingV2");
    }

    @Test
    void oneFewerWhereTheSharedProjectionsLieTogether() {
        assertThat(on("head", device -> launches(device, 16, true))).hasSize(11);
    }

    @Test
    void asManyForMoreExperts() {
        assertThat(on("head", device -> launches(device, 64, false))).hasSize(12);
        assertThat(on("8.1", device -> launches(device, 64, false)))
                .hasSameSizeAs(on("8.1", device -> launches(device, 16, false)));
    }

    @Test
    void theGateByElementaryOperatorsOn81() {
        List<String> launches = on("8.1", device -> launches(device, 16, false));
        assertThat(launches)
                .contains("aclnnMoeInitRoutingV2", "aclnnMoeFinalizeRoutingV2")
                .hasSize(34);
    }
}
