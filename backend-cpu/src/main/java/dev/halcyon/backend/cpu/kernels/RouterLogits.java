package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import java.util.Arrays;

/// The logits of a router, `x · weightᵀ`, by tiles of tokens and experts.
///
/// A product is summed over stretches of the hidden dimension in order, each stretch as if it were alone, so a token's
/// logits do not depend on the tile or on the other tokens.
final class RouterLogits implements WorkerPool.Task {
    private static final int TILE_TOKENS = 8;
    private static final int TILE_EXPERTS = 16;
    private static final int STRETCH = Scratch.LENGTH;

    private static final ThreadLocal<Tile> OF_THREAD = ThreadLocal.withInitial(Tile::new);

    private final RowLoops loops;
    private final WorkerPool pool;
    private final Rows x;
    private final Rows weight;
    private final int hidden;
    private final Rows out;
    private long tokens;
    private int tokenTiles;

    private static final class Tile {
        final float[] tokens = new float[TILE_TOKENS * STRETCH];
        final float[] experts = new float[TILE_EXPERTS * STRETCH];
        final float[] sums = new float[TILE_TOKENS * TILE_EXPERTS];
    }

    /// @param x `[tokens, hidden]`
    /// @param weight `[experts, hidden]`
    /// @param out F32 `[tokens, experts]`
    RouterLogits(CpuContext context, Rows x, Rows weight, int hidden, Rows out) {
        this.loops = context.rows();
        this.pool = context.pool();
        this.x = x;
        this.weight = weight;
        this.hidden = hidden;
        this.out = out;
    }

    /// Computes the logits of the first `live` tokens.
    void compute(long live) {
        tokens = live;
        tokenTiles = (int) Math.ceilDiv(live, TILE_TOKENS);
        // Neighbouring tasks share experts, whose rows are the larger part.
        pool.run(Math.toIntExact(tokenTiles * Math.ceilDiv(weight.rows(), TILE_EXPERTS)), this);
    }

    @Override
    public void run(int task, int worker) {
        long firstToken = (long) (task % tokenTiles) * TILE_TOKENS;
        int tileTokens = (int) Math.min(TILE_TOKENS, tokens - firstToken);
        long firstExpert = (long) (task / tokenTiles) * TILE_EXPERTS;
        int tileExperts = (int) Math.min(TILE_EXPERTS, weight.rows() - firstExpert);
        Tile tile = OF_THREAD.get();
        Arrays.fill(tile.sums, 0);
        for (int from = 0; from < hidden; from += STRETCH) {
            int n = Math.min(STRETCH, hidden - from);
            for (int i = 0; i < tileTokens; i++) {
                x.load(loops, firstToken + i, from, tile.tokens, i * STRETCH, n);
            }
            for (int j = 0; j < tileExperts; j++) {
                weight.load(loops, firstExpert + j, from, tile.experts, j * STRETCH, n);
            }
            loops.dots(
                    tile.tokens,
                    0,
                    STRETCH,
                    tileTokens,
                    tile.experts,
                    0,
                    STRETCH,
                    tileExperts,
                    n,
                    tile.sums,
                    0,
                    TILE_EXPERTS);
        }
        for (int i = 0; i < tileTokens; i++) {
            out.store(loops, tile.sums, i * TILE_EXPERTS, tileExperts, firstToken + i, firstExpert);
        }
    }
}
