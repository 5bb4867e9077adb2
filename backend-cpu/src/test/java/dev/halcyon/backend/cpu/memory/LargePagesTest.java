package dev.halcyon.backend.cpu.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Mapped memory behaves like an arena's.
final class LargePagesTest {
    private static final long BYTES = 4L << 20;

    @Test
    void memoryIsZeroAndAligned() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = reserve(arena);
            assertThat(memory.byteSize()).isEqualTo(BYTES);
            assertThat(memory.address() % (2L << 20)).isZero();
            assertThat(memory.get(ValueLayout.JAVA_LONG, BYTES - 8)).isZero();
            memory.fill((byte) 7);
            assertThat(memory.get(ValueLayout.JAVA_BYTE, BYTES - 1)).isEqualTo((byte) 7);
        }
    }

    @Test
    void memoryEndsWithItsArena() {
        MemorySegment memory;
        try (Arena arena = Arena.ofConfined()) {
            memory = reserve(arena);
        }
        assertThatThrownBy(() -> memory.get(ValueLayout.JAVA_BYTE, 0))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void moreThanThereIsIsRefused() {
        try (Arena arena = Arena.ofConfined()) {
            reserve(arena);
            assertThat(LargePages.orUsual().reserve(arena, 1L << 60)).isEmpty();
        }
    }

    private static MemorySegment reserve(Arena arena) {
        var memory = LargePages.orUsual().reserve(arena, BYTES);
        assumeTrue(
                memory.isPresent(),
                "SKIPPED: this system has no large pages, or the JVM no native access");
        return memory.orElseThrow();
    }
}
