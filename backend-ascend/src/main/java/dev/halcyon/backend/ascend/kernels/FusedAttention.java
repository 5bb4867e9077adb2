package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.Soc;
import dev.halcyon.backend.ascend.operators.View;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/// A call of CANN's fused attention for inference, with queries one behind the other.
///
/// @param query `[T, heads, D]`
/// @param queryRope `[T, heads, rope]`; null if `query` holds the rotated part
/// @param key keys
/// @param value values
/// @param keyRope rotated parts of the keys; null if `key` holds them
/// @param mask the causal one; null if every key of a sequence is seen
/// @param queryEnds ends of the sequences' queries: a `long[]`, or a host array
/// @param keyCounts ends of the sequences' keys, or with a block table the number of each: a host
///   array
/// @param blockTable INT32 `[B, blocks]`; null if keys lie one behind the other
/// @param heads heads a query
/// @param keyHeads heads a key
/// @param scale multiplies the logits
/// @param blockRows rows a block, 0 without a block table
/// @param out `[T, heads, width of a value]`
/// @param logSumExp FLOAT `[T, heads]`
record FusedAttention(
        View query,
        @Nullable View queryRope,
        View key,
        View value,
        @Nullable View keyRope,
        @Nullable View mask,
        Object queryEnds,
        Object keyCounts,
        @Nullable View blockTable,
        long heads,
        long keyHeads,
        double scale,
        long blockRows,
        View out,
        @Nullable View logSumExp) {
    private static final int MASK_SIDE = 2048;
    private static final long EVERYTHING = Integer.MAX_VALUE;
    private static final int SEEN_WHOLE = 0;
    private static final int CAUSAL_FROM_THE_END = 3;

    /// {@return whether the processor and the installed CANN have the operator}
    static boolean exists(Platform platform) {
        return (platform.soc() == Soc.A2 || platform.soc() == Soc.A3)
                && platform.has(operator(platform));
    }

    private static Operator operator(Platform platform) {
        return platform.has(Operator.FUSED_INFER_ATTENTION_SCORE_V4)
                ? Operator.FUSED_INFER_ATTENTION_SCORE_V4
                : Operator.FUSED_INFER_ATTENTION_SCORE_V3;
    }

    /// {@return the mask that the causal mode asks for: ones above the diagonal}
    static View causalMask(Composition c) {
        return c.mask(
                "ones above the diagonal, " + MASK_SIDE,
                () -> {
                    byte[] ones = new byte[MASK_SIDE * MASK_SIDE];
                    for (int row = 0; row < MASK_SIDE; row++) {
                        Arrays.fill(
                                ones, row * MASK_SIDE + row + 1, (row + 1) * MASK_SIDE, (byte) 1);
                    }
                    return ones;
                },
                MASK_SIDE,
                MASK_SIDE);
    }

    /// Adds the call.
    ///
    /// @param fits whether the operator takes what was published last
    /// @param otherwise writes the composition that does the same on the device alone
    void addHostPlanned(Composition c, BooleanSupplier fits, Consumer<Composition> otherwise) {
        Operator operator = operator(c.platform());
        c.callHostPlanned(fits, otherwise, operator, arguments(operator));
    }

    private @Nullable Object[] arguments(Operator operator) {
        boolean newest = operator == Operator.FUSED_INFER_ATTENTION_SCORE_V4;
        List<@Nullable Object> all = new ArrayList<>();
        all.addAll(Arrays.asList(query, List.of(key), List.of(value), null, mask));
        all.addAll(Arrays.asList(queryEnds, keyCounts));
        // Scales and offsets of eight-bit operands.
        absent(all, 7);
        all.add(blockTable);
        // Padding, scales and offsets of keys and values, a shared prefix and its length.
        absent(all, 9);
        all.addAll(Arrays.asList(queryRope, keyRope, null));
        absent(all, newest ? 2 : 0);
        long mode = mask == null ? SEEN_WHOLE : CAUSAL_FROM_THE_END;
        all.addAll(Arrays.asList(heads, scale, EVERYTHING, EVERYTHING, "TND", keyHeads, mode));
        int exactly = 0;
        all.addAll(Arrays.asList(exactly, blockRows, 0, logSumExp != null, 0, 0));
        if (newest) {
            all.add(0);
        }
        View lse = logSumExp;
        all.addAll(Arrays.asList(out, lse == null ? null : lse.unsqueeze(2)));
        return all.toArray();
    }

    private static void absent(List<@Nullable Object> all, int count) {
        for (int i = 0; i < count; i++) {
            all.add(null);
        }
    }
}
