package dev.halcyon.examples;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Timepoint;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.Workspace;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Continuous batching in small: requests join and leave at every step, one graph is recorded for
/// 1, 2, 4 … rows, and the host stays one step behind the device without ever draining the stream.
///
/// The model is the smallest that has a next token: an embedding, a head, and the likeliest token
/// of each row.
final class DecodeLoop implements AutoCloseable {
    /// A request and its answer so far.
    static final class Answer {
        private final int prompt;
        private final int wanted;
        private int scheduled;
        private final List<Integer> tokens = new ArrayList<>();

        private Answer(int prompt, int wanted) {
            this.prompt = prompt;
            this.wanted = wanted;
        }

        List<Integer> tokens() {
            return List.copyOf(tokens);
        }
    }

    /// A step whose tokens the host has not read.
    private record Pending(Timepoint copied, Tensor ids, @Nullable Answer[] rows) {}

    private final Device device;
    private final DeviceArena arena;
    private final DeviceArena hostArena;
    private final Stream stream;
    private final Tensor embedding;
    private final Tensor head;
    private final Tensor ids;
    private final StepInput activeRows;
    private final List<Graph> graphs = new ArrayList<>();
    private final @Nullable Answer[] rows;
    private final ArrayDeque<Answer> waiting = new ArrayDeque<>();
    private final ArrayDeque<Pending> pending = new ArrayDeque<>();
    private final ArrayDeque<Tensor> readable = new ArrayDeque<>();

    /// @param embedding F32 `[vocabulary, dim]`
    /// @param head F32 `[vocabulary, dim]`
    DecodeLoop(Device device, Tensor embedding, Tensor head, int maxRows) {
        this.device = device;
        this.embedding = embedding;
        this.head = head;
        this.rows = new Answer[maxRows];
        arena = device.arena("decode loop");
        hostArena = device.hostArena("tokens for the host");
        stream = device.stream("decode loop");
        ids = arena.tensor(DType.I32, maxRows);
        stream.fill(ids, 0);
        activeRows = arena.stepInput(DType.I32, 1);
        // The host reads the tokens of one step while the next one is written.
        readable.add(hostArena.tensor(DType.I32, maxRows));
        readable.add(hostArena.tensor(DType.I32, maxRows));
        for (int size = 1; size < 2 * maxRows; size *= 2) {
            graphs.add(record(Math.min(size, maxRows)));
        }
    }

    /// Plans, binds and records one step of up to `size` rows; nothing of this is done again.
    private Graph record(int size) {
        int vocabulary = (int) head.dim(0);
        int dim = (int) head.dim(1);
        Plan<Embedding.Args> embed = device.plan(Embedding.of(size, vocabulary, dim, DType.F32));
        Plan<Gemm.Args> project =
                device.plan(
                        Gemm.linear(size, dim, vocabulary, DType.F32, head.format(), DType.F32));
        Plan<Sample.Args> sample = device.plan(Sample.greedy(size, vocabulary, DType.F32));

        Tensor x = arena.tensor(DType.F32, size, dim);
        Tensor logits = arena.tensor(DType.F32, size, vocabulary);
        Tensor mine = ids.slice(0, 0, size);
        Tensor active = activeRows.tensor();
        Workspace workspace = device.workspace(arena, embed, project, sample);
        List<Launch> step =
                List.of(
                        embed.bind(
                                arena, new Embedding.Args(mine, embedding, x, active), workspace),
                        project.bind(arena, new Gemm.Args(x, head, logits, active), workspace),
                        sample.bind(
                                arena,
                                Sample.Args.greedy(logits, mine).withActiveRows(active),
                                workspace));
        return device.record(arena, recorder -> step.forEach(recorder::submit));
    }

    /// Queues a request for `count` tokens after the token `prompt`.
    Answer add(int prompt, int count) {
        Answer answer = new Answer(prompt, count);
        waiting.add(answer);
        return answer;
    }

    /// Decodes one token of every row in use, and takes in the tokens of the step before.
    ///
    /// @return whether there is anything left to do
    boolean step() {
        admit();
        int active = leave();
        if (active > 0) {
            activeRows.next().setAtIndex(ValueLayout.JAVA_INT, 0, active);
            stream.publish(activeRows);
            stream.replay(graphs.get(bucket(active)));
            Tensor copy = readable.remove();
            stream.copy(copy, ids);
            pending.add(new Pending(stream.mark(), copy, rows.clone()));
            schedule();
        }
        collect(active > 0 ? 1 : 0);
        return active > 0 || !waiting.isEmpty();
    }

    /// A newcomer's prompt is written behind the step in flight, into a row that nobody needs any
    /// more.
    private void admit() {
        for (int row = 0; row < rows.length && !waiting.isEmpty(); row++) {
            if (rows[row] == null) {
                rows[row] = waiting.remove();
                stream.write(ids.slice(0, row, row + 1), rows[row].prompt);
            }
        }
    }

    /// {@return one more than the last row that wants a token; a hole before it computes something
    /// nobody reads}
    private int leave() {
        int active = 0;
        for (int row = 0; row < rows.length; row++) {
            Answer answer = rows[row];
            if (answer != null && answer.scheduled == answer.wanted) {
                rows[row] = null;
            } else if (answer != null) {
                active = row + 1;
            }
        }
        return active;
    }

    private void schedule() {
        Arrays.stream(rows).filter(row -> row != null).forEach(answer -> answer.scheduled++);
    }

    private static int bucket(int active) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(active - 1);
    }

    /// Waits for the timepoints of all but the last `behind` steps, and for nothing else.
    private void collect(int behind) {
        while (pending.size() > behind) {
            Pending step = pending.remove();
            if (!step.copied().await(Duration.ofMinutes(1))) {
                throw new IllegalStateException("a step takes longer than a minute");
            }
            for (int row = 0; row < step.rows().length; row++) {
                Answer answer = step.rows()[row];
                if (answer != null) {
                    answer.tokens.add(step.ids().segment().getAtIndex(ValueLayout.JAVA_INT, row));
                }
            }
            readable.add(step.ids());
        }
    }

    @Override
    public void close() {
        stream.close();
        hostArena.close();
        arena.close();
    }
}
