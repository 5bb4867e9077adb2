package dev.halcyon.bench.ceiling;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The loops in plain Java, for a JVM without the Vector API; C2 vectorises neither, so both are
/// floors of ceilings.
final class ScalarCeilingLoops implements CeilingLoops {
    private static final int LINE = 64;

    @Override
    public String label() {
        return "plain Java";
    }

    @Override
    public double multiplyAdds(int rounds) {
        float a = 1;
        float b = 2;
        float c = 3;
        float d = 4;
        float e = 5;
        float f = 6;
        float g = 7;
        float h = 8;
        for (int i = 0; i < rounds; i++) {
            a = Math.fma(a, 0.999f, 1e-3f);
            b = Math.fma(b, 0.999f, 1e-3f);
            c = Math.fma(c, 0.999f, 1e-3f);
            d = Math.fma(d, 0.999f, 1e-3f);
            e = Math.fma(e, 0.999f, 1e-3f);
            f = Math.fma(f, 0.999f, 1e-3f);
            g = Math.fma(g, 0.999f, 1e-3f);
            h = Math.fma(h, 0.999f, 1e-3f);
        }
        Blackhole.consume(a + b + c + d + e + f + g + h);
        return 16.0 * rounds;
    }

    @Override
    public int readBytes() {
        return LINE;
    }

    @Override
    public float read(MemorySegment memory, long from, long apart, long step, long rounds) {
        long sum = 0;
        long end = from + rounds * step;
        for (long at = from; at < end; at += step) {
            for (int i = 0; i < LINE; i += 8) {
                sum += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + i);
                sum += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + apart + i);
                sum += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 2 * apart + i);
                sum += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 3 * apart + i);
            }
        }
        return sum;
    }
}
