package dev.halcyon.engine;

import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Timepoint;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/// Brings sampled tokens to the host a step behind, without draining the stream: after each step
/// the ids are copied to host memory and the stream is marked; later the host waits for the mark
/// alone.
final class TokenReadback {
    /// A step that takes longer than this has gone wrong.
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    private record Pending(
            Timepoint copied, Tensor ids, List<Sequence> sequences, List<Integer> rows) {}

    /// Receives tokens.
    @FunctionalInterface
    interface Listener {
        void arrived(Sequence sequence, int token);
    }

    private final DeviceArena hostArena;
    private final Tensor ids;
    private final ArrayDeque<Pending> pending = new ArrayDeque<>();
    private final ArrayDeque<Tensor> free = new ArrayDeque<>();

    TokenReadback(DeviceArena hostArena, Tensor ids) {
        this.hostArena = hostArena;
        this.ids = ids;
    }

    boolean isEmpty() {
        return pending.isEmpty();
    }

    /// Copies the ids of the first `rows` rows, of which those of `sequences` are new.
    void schedule(Stream stream, List<Sequence> sequences, int rows) {
        Tensor host = free.isEmpty() ? hostArena.tensor(DType.I32, ids.dim(0)) : free.remove();
        stream.copy(host.slice(0, 0, rows), ids.slice(0, 0, rows));
        List<Integer> taken = new ArrayList<>();
        sequences.forEach(sequence -> taken.add(sequence.row));
        pending.add(new Pending(stream.mark(), host, sequences, taken));
    }

    /// Hands over the tokens of all but the last `behind` steps.
    void collect(int behind, Listener listener) {
        while (pending.size() > behind) {
            Pending step = pending.getFirst();
            if (!step.copied().await(PATIENCE)) {
                throw new IllegalStateException(
                        "a step of the engine has not ended within "
                                + PATIENCE
                                + "; go on waiting with another step(), or close the engine");
            }
            pending.removeFirst();
            free.add(step.ids());
            for (int i = 0; i < step.sequences().size(); i++) {
                int token =
                        step.ids().segment().getAtIndex(ValueLayout.JAVA_INT, step.rows().get(i));
                listener.arrived(step.sequences().get(i), token);
            }
        }
    }
}
