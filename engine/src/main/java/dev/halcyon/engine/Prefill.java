package dev.halcyon.engine;

import dev.halcyon.engine.model.Activations;
import dev.halcyon.engine.model.Decoder;
import dev.halcyon.engine.model.LaunchSink;
import dev.halcyon.engine.model.PrefillAttention;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.Workspace;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// Runs prompts, piece by piece, and samples the first new token of each.
///
/// Prompts have any length, so nothing is recorded: each piece binds launches in an arena that is
/// reset for the next.
final class Prefill implements AutoCloseable {
    private final Device device;
    private final Decoder decoder;
    private final EngineOptions options;
    private final int rowsPerPage;
    private final DeviceArena arena;

    Prefill(Device device, Decoder decoder, EngineOptions options, int rowsPerPage) {
        this.device = device;
        this.decoder = decoder;
        this.options = options;
        this.rowsPerPage = rowsPerPage;
        this.arena = device.arena("prefill");
    }

    /// Runs a whole prompt; the first new token ends up in `id`, I32 `[1]`.
    void run(Stream stream, Sequence sequence, Tensor id) {
        int[] prompt = sequence.request().prompt().stream().mapToInt(Integer::intValue).toArray();
        for (int from = 0; from < prompt.length; from += options.prefillChunk()) {
            int to = Math.min(prompt.length, from + options.prefillChunk());
            piece(stream, sequence, prompt, from, to, id);
        }
        sequence.cached = prompt.length;
        sequence.scheduled = 1;
    }

    private void piece(
            Stream stream, Sequence sequence, int[] prompt, int from, int to, Tensor id) {
        arena.reset();
        var dims = decoder.dims();
        int rows = to - from;
        Activations x =
                Activations.allocate(
                        arena,
                        dims,
                        ints(stream, IntStream.range(from, to).map(i -> prompt[i])),
                        ints(stream, IntStream.range(from, to)),
                        slots(stream, sequence, from, to),
                        null);
        LaunchSink sink = new LaunchSink(device);
        decoder.add(sink, x, attention(stream, sequence, from, rows));
        if (to == prompt.length) {
            addSample(stream, sink, sequence, x.normed().slice(0, rows - 1, rows), to - 1, id);
        }
        Workspace workspace = new Workspace(arena.tensor(DType.U8, sink.workspaceBytes()));
        sink.bind(arena, workspace).forEach(stream::submit);
    }

    private PrefillAttention attention(Stream stream, Sequence sequence, int from, int rows) {
        List<PrefillAttention.Run> runs = new ArrayList<>();
        for (int start = 0; start < from; start += options.contextChunk()) {
            int end = Math.min(from, start + options.contextChunk());
            runs.add(
                    new PrefillAttention.Run(
                            slots(stream, sequence, start, end), sequence(stream, end - start)));
        }
        Tensor own = sequence(stream, rows);
        return PrefillAttention.allocate(arena, decoder.dims(), rows, own, runs);
    }

    /// {@return the bounds of one sequence, which the host knows}
    private Tensor sequence(Stream stream, int rows) {
        StepInput bounds = arena.stepInput(DType.I32, 2);
        MemorySegment next = bounds.next();
        next.setAtIndex(ValueLayout.JAVA_INT, 0, 0);
        next.setAtIndex(ValueLayout.JAVA_INT, 1, rows);
        stream.publish(bounds);
        return bounds.tensor();
    }

    private void addSample(
            Stream stream,
            LaunchSink sink,
            Sequence sequence,
            Tensor last,
            int position,
            Tensor id) {
        int vocabulary = decoder.dims().config().vocabularySize();
        SamplingOptions sampling = sequence.request().sampling();
        Tensor logits = arena.tensor(DType.F32, 1, vocabulary);
        decoder.addHead(sink, last, logits);
        if (sampling.isGreedy()) {
            sink.add(Sample.greedy(1, vocabulary, DType.F32), Sample.Args.greedy(logits, id));
            return;
        }
        Tensor seed = arena.tensor(DType.I64, 1);
        upload(stream, seed, sampling.seed());
        sink.add(
                Sample.random(1, vocabulary, DType.F32),
                Sample.Args.random(logits, seed, ints(stream, IntStream.of(position)), id)
                        .withTemperature(floats(stream, sampling.temperature()))
                        .withTopP(floats(stream, sampling.topP()))
                        .withTopK(ints(stream, IntStream.of(sampling.topK()))));
    }

    /// The source is outside the heap: the first segment on the heap that a JVM meets makes it
    /// compile every kernel anew.
    private static void upload(Stream stream, Tensor destination, long value) {
        try (Arena host = Arena.ofConfined()) {
            stream.upload(destination, host.allocateFrom(ValueLayout.JAVA_LONG, value));
        }
    }

    private Tensor slots(Stream stream, Sequence sequence, int from, int to) {
        return ints(
                stream,
                IntStream.range(from, to).map(position -> sequence.slot(position, rowsPerPage)));
    }

    private Tensor ints(Stream stream, IntStream values) {
        int[] array = values.toArray();
        Tensor tensor = arena.tensor(DType.I32, array.length);
        stream.write(tensor, array);
        return tensor;
    }

    private Tensor floats(Stream stream, double value) {
        Tensor tensor = arena.tensor(DType.F32, 1);
        stream.write(tensor, (float) value);
        return tensor;
    }

    @Override
    public void close() {
        arena.close();
    }
}
