package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;

import java.util.Arrays;

/// The logits of a router, `x · weightᵀ`, by tiles of tokens and experts.
///
/// A product is summed over stretches of the hidden dimension in order, each stretch as if it were
/// alone, so a token's logits do not depend on the tile or on the other tokens. Few tokens get
/// small tiles, so that there are enough of them for many threads; many get large ones, in which a
/// widened row serves more products.
final class RouterLogits implements WorkerPool.Task {
    private static final int FEW_TOKENS = 8;
    private static final int SMALL_TILE = 16;
    private static final int LARGE_TILE = 32;
    private static final int STRETCH = Scratch.LENGTH;

    private static final ThreadLocal<Tile> OF_THREAD = ThreadLocal.withInitial(Tile::new);

    private final RowLoops loops;
    private final WorkerPool pool;
    private final Rows x;
    private final Rows weight;
    private final int hidden;
    private final Rows out;
    private long tokens;
    private int tileSize;
    private int tokenTiles;

    private static final class Tile {
        final float[] tokens = new float[LARGE_TILE * STRETCH];
        final float[] experts = new float[LARGE_TILE * STRETCH];
        final float[] sums = new float[LARGE_TILE * LARGE_TILE];
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
        tileSize = live <= FEW_TOKENS ? SMALL_TILE : LARGE_TILE;
        tokenTiles = (int) Math.ceilDiv(live, tileSize);
        // Neighbouring tasks share experts, whose rows are the larger part.
        pool.run(Math.toIntExact(tokenTiles * Math.ceilDiv(weight.rows(), tileSize)), this);
    }

    @Override
    public void run(int task, int worker) {
        long firstToken = (long) (task % tokenTiles) * tileSize;
        int tileTokens = (int) Math.min(tileSize, tokens - firstToken);
        long firstExpert = (long) (task / tokenTiles) * tileSize;
        int tileExperts = (int) Math.min(tileSize, weight.rows() - firstExpert);
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
                    LARGE_TILE);
        }
        for (int i = 0; i < tileTokens; i++) {
            out.store(loops, tile.sums, i * LARGE_TILE, tileExperts, firstToken + i, firstExpert);
        }
    }
}
