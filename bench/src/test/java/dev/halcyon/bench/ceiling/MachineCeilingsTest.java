package dev.halcyon.bench.ceiling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;

final class MachineCeilingsTest {
    private static final MachineCeilings WITH_BF16 =
            new MachineCeilings(
                    2,
                    Map.of(DType.F32, new Peak(100, "Java"), DType.BF16, new Peak(200, "C")),
                    10,
                    "Java");

    private static final MachineCeilings WITHOUT =
            new MachineCeilings(2, Map.of(DType.F32, new Peak(120, "Java")), 8, "Java");

    @Test
    void holdsNarrowTypesAgainstTheirOwnPeakOrThatOfWiderOnes() {
        assertThat(WITH_BF16.peak(DType.BF16).flops()).isEqualTo(200);
        assertThat(WITH_BF16.peak(DType.F8_E4M3).flops()).isEqualTo(200);
        assertThat(WITH_BF16.peak(DType.F32).flops()).isEqualTo(100);
        assertThat(WITHOUT.peak(DType.BF16).flops()).isEqualTo(120);
    }

    @Test
    void theFloorIsTheSlowerOfComputingAndReading() {
        assertThat(WITH_BF16.floorSeconds(1000, 50)).isEqualTo(10);
        assertThat(WITH_BF16.floorSeconds(DType.BF16, 1000, 80)).isEqualTo(8);
    }

    @Test
    void joinsEachCeilingByItself() {
        MachineCeilings both = WITH_BF16.max(WITHOUT);
        assertThat(both.flops()).isEqualTo(120);
        assertThat(both.peak(DType.BF16)).isEqualTo(new Peak(200, "C"));
        assertThat(both.bytesPerSecond()).isEqualTo(10);
    }

    @Test
    void needsAnF32Peak() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MachineCeilings(1, Map.of(), 1, "nothing"));
    }

    @Test
    void measuresThisMachine() {
        try (CeilingMeter meter = CeilingMeter.open()) {
            for (MachineCeilings ceilings :
                    new MachineCeilings[] {meter.glance(2), meter.glance(1)}) {
                assertThat(ceilings.flops()).isPositive();
                assertThat(ceilings.bytesPerSecond()).isPositive();
                assertThat(ceilings.how()).contains("pages");
            }
        }
    }

    /// Without the library there are none, which is fine.
    @Test
    void nativeLoopsCountTheirOperations() {
        NativeLoops loops = NativeLoops.find();
        for (PeakLoop loop : loops.peaks()) {
            assertThat(loop.run()).as(loop.label()).isPositive();
        }
        loops.reader()
                .ifPresent(
                        reader -> {
                            try (Arena arena = Arena.ofConfined()) {
                                MemorySegment memory = arena.allocate(1 << 20, 64);
                                reader.read(memory.address(), memory.byteSize());
                            }
                        });
    }
}
