package dev.halcyon.backend.ascend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.BoundLaunch;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

import java.util.List;
import java.util.Map;

/// What a kernel costs in launches, which is what a small batch costs on the device; the numbers
/// are those of `docs/ascend.md`.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LaunchCountTest {
    private Device device;
    private DeviceArena arena;

    @BeforeAll
    void open() {
        EmulatorRoot root = EmulatorRoot.demand("head", "launch counts");
        device =
                new AscendBackendProvider(Map.of("halcyon.ascend.home", root.path().toString()))
                        .open(0, DeviceOptions.defaults());
        arena = device.arena("launch counts");
    }

    @AfterAll
    void close() {
        if (device != null) {
            arena.close();
            device.close();
        }
    }

    private <A extends KernelArgs> int launches(KernelSpec<A> spec, A args) {
        Plan<A> plan = device.plan(spec);
        BoundLaunch<?> launch =
                (BoundLaunch<?>) plan.bind(arena, args, device.workspace(arena, plan));
        return ((AscendWork) launch.work()).tasks().size();
    }

    @Test
    void oneForALinearLayer() {
        Gemm spec =
                Gemm.linear(8, 64, 32, DType.BF16, WeightFormat.rowMajor(DType.BF16), DType.BF16);
        assertThat(
                        launches(
                                spec,
                                Gemm.Args.of(
                                        arena.tensor(DType.BF16, 8, 64),
                                        arena.tensor(DType.BF16, 32, 64),
                                        arena.tensor(DType.BF16, 8, 32))))
                .isEqualTo(1);
    }

    @Test
    void oneForANorm() {
        assertThat(
                        launches(
                                RmsNorm.of(8, 64, DType.BF16, 1e-6),
                                RmsNorm.Args.of(
                                        arena.tensor(DType.BF16, 8, 64),
                                        arena.tensor(DType.BF16, 64),
                                        arena.tensor(DType.BF16, 8, 64))))
                .isEqualTo(1);
    }

    @Test
    void twoForAGate() {
        MoeGate spec = MoeGate.of(8, 64, 16, 4, MoeGate.Score.SIGMOID, DType.BF16);
        assertThat(
                        launches(
                                spec,
                                MoeGate.Args.of(
                                        arena.tensor(DType.BF16, 8, 64),
                                        arena.tensor(DType.BF16, 16, 64),
                                        arena.tensor(DType.I32, 8, 4),
                                        arena.tensor(DType.F32, 8, 4))))
                .isEqualTo(2);
    }

    @Test
    void threeForAStepOfNewtonSchulzOverAllMatrices() {
        Coefficients step = Coefficients.KELLER_JORDAN.getFirst();
        int one = newtonSchulz(List.of(step));
        int two = newtonSchulz(List.of(step, step));
        assertThat(two - one).isEqualTo(3);
    }

    private int newtonSchulz(List<Coefficients> steps) {
        NewtonSchulz spec = NewtonSchulz.of(16, 32).withMatrices(5).withSteps(steps);
        return launches(
                spec,
                NewtonSchulz.Args.of(
                        arena.tensor(DType.F32, 5, 16, 32), arena.tensor(DType.F32, 5, 16, 32)));
    }
}
