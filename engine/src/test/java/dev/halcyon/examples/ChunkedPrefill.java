package dev.halcyon.examples;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.Workspace;

import java.util.ArrayList;
import java.util.List;

/// Attention of prompts of any lengths in pieces of a fixed size: one plan, whose bounds are the
/// largest piece, and tensors as long as the piece at hand.
///
/// Prompts lie one behind the other in the rows of all tensors, and a piece takes the next rows,
/// whosever they are: it may end one prompt, hold several whole ones, and begin another.
final class ChunkedPrefill implements AutoCloseable {
    private final int chunk;
    private final Plan<MlaPrefill.Args> plan;
    private final Workspace workspace;
    private final DeviceArena arena;
    private final DeviceArena stepArena;

    /// @param chunk most rows of a piece
    /// @param maxKeys most rows of all prompts
    ChunkedPrefill(
            Device device, int chunk, int maxKeys, int heads, int nope, int rope, int value) {
        this.chunk = chunk;
        arena = device.arena("prefill");
        stepArena = device.arena("one piece of a prefill");
        plan =
                device.plan(
                        MlaPrefill.of(chunk, chunk, heads, nope, rope, value, DType.F32)
                                .withMaxKeys(maxKeys));
        workspace = device.workspace(arena, plan);
    }

    /// The rows of all prompts.
    ///
    /// @param query `[rows, heads, nope + rope]`
    /// @param key `[rows, heads, nope]`
    /// @param ropeKey `[rows, rope]`
    /// @param value `[rows, heads, value]`
    /// @param out `[rows, heads, value]`
    record Rows(Tensor query, Tensor key, Tensor ropeKey, Tensor value, Tensor out) {}

    /// Attends with every row to the rows of its own prompt up to itself.
    ///
    /// @param lengths rows of each prompt
    void run(Stream stream, Rows rows, int... lengths) {
        int total = (int) rows.query().dim(0);
        for (int from = 0; from < total; from += chunk) {
            int to = Math.min(total, from + chunk);
            piece(stream, rows, lengths, from, to);
        }
    }

    private void piece(Stream stream, Rows rows, int[] lengths, int from, int to) {
        List<Integer> queryStart = new ArrayList<>();
        List<Integer> keyStart = new ArrayList<>();
        int begin = 0;
        for (int length : lengths) {
            int end = begin + length;
            if (end > from && begin < to) {
                // Queries are those of the piece, keys all that the prompt has had so far. The
                // causal mask is aligned at the end, so the middle of a prompt is nothing special.
                queryStart.add(Math.max(begin, from) - from);
                keyStart.add(begin);
            }
            begin = end;
        }
        queryStart.add(to - from);
        keyStart.add(to);

        stepArena.reset();
        MlaPrefill.Args args =
                MlaPrefill.Args.of(
                        rows.query().slice(0, from, to),
                        rows.key().slice(0, 0, to),
                        rows.ropeKey().slice(0, 0, to),
                        rows.value().slice(0, 0, to),
                        ints(stream, queryStart),
                        ints(stream, keyStart),
                        rows.out().slice(0, from, to));
        stream.submit(plan.bind(stepArena, args, workspace));
    }

    private Tensor ints(Stream stream, List<Integer> values) {
        Tensor tensor = stepArena.tensor(DType.I32, values.size());
        stream.write(tensor, values.stream().mapToInt(Integer::intValue).toArray());
        return tensor;
    }

    @Override
    public void close() {
        stepArena.close();
        arena.close();
    }
}
