package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Large tensors lie in the pages that the backend reserves, one behind the other.
final class HostPagesTest {
    private static final long MIB = 1 << 20;

    private final List<MemorySegment> regions = new ArrayList<>();

    private Device device(boolean hasPages) {
        return FakeBackend.builder(DeviceOptions.defaults())
                .pages(
                        (arena, bytes) -> {
                            if (!hasPages) {
                                return Optional.empty();
                            }
                            MemorySegment region = arena.allocate(bytes, 2 * MIB);
                            regions.add(region);
                            return Optional.of(region);
                        })
                .build();
    }

    private boolean isInRegion(Tensor tensor) {
        long at = tensor.segment().address();
        return regions.stream().anyMatch(r -> at >= r.address() && at < r.address() + r.byteSize());
    }

    @Test
    void neighboursShareARegion() {
        try (Device device = device(true);
                DeviceArena arena = device.arena("weights")) {
            Tensor first = arena.tensor(DType.U8, 3 * MIB);
            Tensor second = arena.tensor(DType.U8, 5 * MIB + 1);
            assertTrue(isInRegion(first));
            assertTrue(isInRegion(second));
            assertEquals(first.segment().address() + 3 * MIB, second.segment().address());
            assertEquals(1, regions.size());
            assertEquals(8 * MIB + 64, device.counters().bytesReserved());
        }
    }

    @Test
    void tensorsLargerThanARegionHaveTheirOwn() {
        try (Device device = device(true);
                DeviceArena arena = device.arena("weights")) {
            Tensor large = arena.tensor(DType.U8, 65 * MIB);
            assertTrue(isInRegion(large));
            assertEquals(66 * MIB, regions.getFirst().byteSize());
        }
    }

    @Test
    void aResetFindsTheSamePiecesAgain() {
        try (Device device = device(true);
                DeviceArena arena = device.arena("weights")) {
            long before = arena.tensor(DType.U8, 3 * MIB).segment().address();
            arena.reset();
            assertEquals(before, arena.tensor(DType.U8, 3 * MIB).segment().address());
            assertEquals(1, regions.size());
        }
    }

    @Test
    void closingGivesEverythingBack() {
        try (Device device = device(true)) {
            try (DeviceArena arena = device.arena("weights")) {
                Tensor tensor = arena.tensor(DType.U8, 3 * MIB);
                assertTrue(isInRegion(tensor));
            }
            assertEquals(0, device.counters().bytesReserved());
        }
    }

    @Test
    void withoutLargePagesTheUsualOnesServe() {
        try (Device device = device(false);
                DeviceArena arena = device.arena("weights")) {
            assertEquals(3 * MIB, arena.tensor(DType.U8, 3 * MIB).segment().byteSize());
            assertTrue(regions.isEmpty());
            assertEquals(3 * MIB, device.counters().bytesReserved());
        }
    }
}
