package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.MemcpyKind;
import dev.halcyon.backend.ascend.memory.Block;
import dev.halcyon.backend.ascend.operators.Constants;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The tables of a device, which live as long as it does; usable from any thread.
final class DeviceTables implements Constants {
    private final AscendDevice device;
    private final Map<String, Block> tables = new HashMap<>();

    DeviceTables(AscendDevice device) {
        this.device = device;
    }

    @Override
    public synchronized long address(String name, byte[] bytes) {
        return tables.computeIfAbsent(name, key -> upload(bytes)).address();
    }

    private Block upload(byte[] bytes) {
        Block block = device.memory().take(bytes.length);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
            device.copyNow(
                    block.address(), source.address(), bytes.length, MemcpyKind.HOST_TO_DEVICE);
        }
        return block;
    }

    synchronized void close() {
        tables.values().forEach(block -> device.memory().give(block, List.of()));
        tables.clear();
    }
}
