package dev.halcyon.engine;

import java.util.ArrayList;
import java.util.List;

/// A request on its way through the engine; it belongs to the engine's thread.
public final class Sequence {
    /// Why a sequence ended.
    public enum FinishReason {
        /// It has as many new tokens as were asked for.
        LENGTH,
        /// A stop token came up.
        STOP,
        /// It was cancelled, or its engine was closed.
        CANCELLED,
        /// Its prompt could not be run; `step()` threw the reason.
        FAILED
    }

    /// Rows of a sequence that holds none.
    static final int NO_ROW = -1;

    private final Request request;
    private final List<Integer> tokens = new ArrayList<>();
    private FinishReason reason = FinishReason.LENGTH;
    private boolean finished;

    /// Row of every per-sequence tensor; a sequence keeps it while it is decoded.
    int row = NO_ROW;

    /// Pages of its cache rows.
    int[] pages = new int[0];

    /// Tokens whose cache rows are written or scheduled to be.
    int cached;

    /// New tokens that are sampled or scheduled to be, known to the host or not.
    int scheduled;

    Sequence(Request request) {
        this.request = request;
    }

    /// {@return what was asked for}
    public Request request() {
        return request;
    }

    /// {@return the new tokens that the host knows so far}
    public List<Integer> tokens() {
        return List.copyOf(tokens);
    }

    /// {@return whether no more tokens will come}
    public boolean isFinished() {
        return finished;
    }

    /// {@return why it ended}
    ///
    /// @throws IllegalStateException if it has not
    public FinishReason finishReason() {
        if (!finished) {
            throw new IllegalStateException("the sequence has not finished");
        }
        return reason;
    }

    /// Takes the next token; a token that was on its way when the sequence ended is dropped.
    void take(int token) {
        if (finished) {
            return;
        }
        tokens.add(token);
        if (request.stopTokens().contains(token)) {
            finish(FinishReason.STOP);
        } else if (tokens.size() == request.maxNewTokens()) {
            finish(FinishReason.LENGTH);
        }
    }

    void finish(FinishReason why) {
        finished = true;
        reason = why;
    }

    boolean wantsMore() {
        return !finished && scheduled < request.maxNewTokens();
    }

    int slot(int position, int rowsPerPage) {
        return pages[position / rowsPerPage] * rowsPerPage + position % rowsPerPage;
    }
}
