package dev.halcyon.checkpoint;

import java.lang.management.ManagementFactory;
import java.util.Base64;
import java.util.function.Consumer;
import java.util.function.LongFunction;

/// Drives a parser with seeded inputs and judges how it takes them.
///
/// The only verdicts allowed are a result or a [CheckpointException] with a short message; the time
/// and the memory that one input takes are bounded. A violation reports the input's seed and bytes.
final class Fuzzing {
    private static final int QUICK_INPUTS = 20_000;
    private static final int THOROUGH_INPUTS = 1_000_000;

    /// Far above what an input of a few KiB needs, far below what a lying length would claim.
    private static final long MOST_BYTES_PER_INPUT = 32L << 20;

    private static final long MOST_SECONDS_PER_INPUT = 20;

    private static final int LONGEST_MESSAGE = 2000;

    /// How often each verdict came.
    record Verdicts(int accepted, int refused) {
        double acceptedShare() {
            return (double) accepted / (accepted + refused);
        }
    }

    private Fuzzing() {}

    static int inputs() {
        return Boolean.getBoolean("halcyon.thorough") ? THOROUGH_INPUTS : QUICK_INPUTS;
    }

    static Verdicts run(int inputs, LongFunction<byte[]> generator, Consumer<byte[]> parser) {
        com.sun.management.ThreadMXBean threads =
                (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        int accepted = 0;
        for (long seed = 0; seed < inputs; seed++) {
            byte[] input = generator.apply(seed);
            long allocated = threads.getCurrentThreadAllocatedBytes();
            long started = System.nanoTime();
            try {
                parser.accept(input);
                accepted++;
            } catch (CheckpointException e) {
                if (e.getMessage().length() > LONGEST_MESSAGE) {
                    throw violation(
                            seed,
                            input,
                            "message of " + e.getMessage().length() + " characters",
                            e);
                }
            } catch (Throwable e) {
                throw violation(seed, input, e.toString(), e);
            }
            long seconds = (System.nanoTime() - started) / 1_000_000_000;
            long bytes = threads.getCurrentThreadAllocatedBytes() - allocated;
            if (seconds > MOST_SECONDS_PER_INPUT) {
                throw violation(seed, input, "took " + seconds + " s", null);
            }
            if (bytes > MOST_BYTES_PER_INPUT) {
                throw violation(seed, input, "allocated " + bytes + " bytes", null);
            }
        }
        return new Verdicts(accepted, inputs - accepted);
    }

    private static AssertionError violation(long seed, byte[] input, String what, Throwable cause) {
        String bytes = Base64.getEncoder().encodeToString(input);
        return new AssertionError(
                "seed " + seed + ": " + what + "; input in base64: " + bytes, cause);
    }
}
