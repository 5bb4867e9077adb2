package dev.halcyon.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class FirstKernelTest {
    @Test
    void multiplies() {
        assertThat(FirstKernel.multiply()).containsExactly(32, 50);
    }
}
