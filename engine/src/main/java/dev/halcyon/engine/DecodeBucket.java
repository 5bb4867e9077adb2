package dev.halcyon.engine;

import dev.halcyon.engine.model.Activations;
import dev.halcyon.engine.model.DecodeAttention;
import dev.halcyon.engine.model.Decoder;
import dev.halcyon.engine.model.LaunchSink;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.Workspace;

import java.util.List;

/// One decode step for up to a number of rows, recorded once and replayed for every token.
final class DecodeBucket implements AutoCloseable {
    private final int rows;
    private final DeviceArena arena;
    private final Graph graph;

    DecodeBucket(Device device, Decoder decoder, StepTensors inputs, int rows) {
        this.rows = rows;
        this.arena = device.arena("decode bucket of " + rows);
        try {
            this.graph = record(device, decoder, inputs);
        } catch (RuntimeException | Error failure) {
            arena.close();
            throw failure;
        }
    }

    private Graph record(Device device, Decoder decoder, StepTensors inputs) {
        var dims = decoder.dims();
        Tensor ids = inputs.ids.slice(0, 0, rows);
        Tensor positions = inputs.positions.tensor().slice(0, 0, rows);
        Activations x =
                Activations.allocate(
                        arena,
                        dims,
                        ids,
                        positions,
                        inputs.slots.tensor().slice(0, 0, rows),
                        inputs.activeRows.tensor());
        DecodeAttention attention =
                DecodeAttention.allocate(
                        arena,
                        dims,
                        rows,
                        inputs.blockTable.tensor().slice(0, 0, rows),
                        inputs.lengths.tensor().slice(0, 0, rows));
        LaunchSink sink = new LaunchSink(device);
        decoder.add(sink, x, attention);
        int vocabulary = dims.config().vocabularySize();
        Tensor logits = arena.tensor(DType.F32, rows, vocabulary);
        decoder.addHead(sink, x.normed(), logits, inputs.activeRows.tensor());
        sink.add(
                Sample.random(rows, vocabulary, DType.F32),
                new Sample.Args(
                        logits,
                        inputs.temperature.tensor().slice(0, 0, rows),
                        inputs.topP.tensor().slice(0, 0, rows),
                        inputs.topK.tensor().slice(0, 0, rows),
                        inputs.seed.tensor().slice(0, 0, rows),
                        positions,
                        ids,
                        inputs.activeRows.tensor()));
        Workspace workspace = new Workspace(arena.tensor(DType.U8, sink.workspaceBytes()));
        List<Launch> launches = sink.bind(arena, workspace);
        return device.record(arena, recorder -> launches.forEach(recorder::submit));
    }

    int rows() {
        return rows;
    }

    Graph graph() {
        return graph;
    }

    @Override
    public void close() {
        arena.close();
    }
}
