package dev.halcyon.hal.kernel.token;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// The next token of every row of logits: the likeliest one, or one drawn with temperature, top-k
/// and top-p.
///
/// | operand | type and shape | absent | odd values |
/// |---|---|---|---|
/// | logits | `logits [R, vocab]` | | |
/// | temperature | optional F32 `[R]` | 1 | 0, negative or NaN: greedy |
/// | topK | optional I32 `[R]` | all | 0 or negative: all |
/// | topP | optional F32 `[R]` | 1 | 1 or more, or NaN: all; 0 or less: the first candidate |
/// | seed | I64 `[R]`, only if `random` | | |
/// | position | I32 `[R]`, only if `random` | | |
/// | ids | I32 `[R]` | | |
/// | activeRows | optional I32 `[1]`; rows from there on hold unspecified values | every row | |
///
/// Temperature, topK, topP, seed and position are given only if `random`; without it every row is
/// greedy.
///
/// A row is decided in this order:
/// 1. Candidates are ordered by logit, largest first; equal logits by index, smallest first; NaN
///    last.
/// 2. *Greedy:* the first candidate. So is a row whose largest logit is infinite. A row of NaN
///    gives id 0 and raises the fault word.
/// 3. The first `topK` candidates stay. Their probabilities are `exp((logit - largest) /
///    temperature)`, divided by their sum; those of NaN are 0.
/// 4. The shortest prefix whose probabilities add up to at least `topP` stays; never less than one
///    candidate.
/// 5. The probabilities of those that stayed are summed in the order of their ids, and the id is
///    the first at which the sum exceeds `uniform(seed, position)` times the total; the last that
///    stayed if rounding keeps the sum short. The order by id needs no sorting where neither top-k
///    nor top-p cuts anything off.
///
/// *Numerics.* Sums in F32 or wider. At the very border of two candidates two devices may round
/// differently; on one device a row's id depends on that row alone.
///
/// @param maxRows most rows
/// @param vocab columns
/// @param logits element type of the logits
/// @param random whether rows are drawn; false means greedy for all
public record Sample(int maxRows, int vocab, DType logits, boolean random)
        implements KernelSpec<Sample.Args> {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    /// The operands; the table at [Sample] gives their shapes.
    public record Args(
            Tensor logits,
            @Nullable Tensor temperature,
            @Nullable Tensor topP,
            @Nullable Tensor topK,
            @Nullable Tensor seed,
            @Nullable Tensor position,
            Tensor ids,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(logits, "logits");
            Objects.requireNonNull(ids, "ids");
        }

        /// {@return arguments that take the likeliest token of every row}
        public static Args greedy(Tensor logits, Tensor ids) {
            return new Args(logits, null, null, null, null, null, ids, null);
        }

        /// {@return arguments that draw from the whole vocabulary at temperature 1}
        public static Args random(Tensor logits, Tensor seed, Tensor position, Tensor ids) {
            return new Args(logits, null, null, null, seed, position, ids, null);
        }

        /// {@return these arguments with a temperature for each row}
        public Args withTemperature(Tensor temperatures) {
            return new Args(logits, temperatures, topP, topK, seed, position, ids, activeRows);
        }

        /// {@return these arguments with a probability mass to keep for each row}
        public Args withTopP(Tensor masses) {
            return new Args(logits, temperature, masses, topK, seed, position, ids, activeRows);
        }

        /// {@return these arguments with a number of candidates to keep for each row}
        public Args withTopK(Tensor counts) {
            return new Args(logits, temperature, topP, counts, seed, position, ids, activeRows);
        }

        /// {@return these arguments with a bound on the rows that count}
        public Args withActiveRows(Tensor rows) {
            return new Args(logits, temperature, topP, topK, seed, position, ids, rows);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("logits", logits)
                    .read("temperature", temperature)
                    .read("topP", topP)
                    .read("topK", topK)
                    .read("seed", seed)
                    .read("position", position)
                    .read("activeRows", activeRows)
                    .write("ids", ids);
        }
    }

    public Sample {
        Require.positive("maxRows", maxRows);
        Require.positive("vocab", vocab);
        Require.activation("logits", logits);
    }

    /// {@return the choice of the likeliest token}
    public static Sample greedy(int maxRows, int vocab, DType logits) {
        return new Sample(maxRows, vocab, logits, false);
    }

    /// {@return the draw with temperature, top-k and top-p by row}
    public static Sample random(int maxRows, int vocab, DType logits) {
        return new Sample(maxRows, vocab, logits, true);
    }

    /// {@return the random number in `[0, 1)` of one position, a multiple of 2^-53, the same on
    /// every device}
    ///
    /// ```
    /// mix(z): z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9; z = (z ^ z >>> 27) * 0x94D049BB133111EB; return z ^ z >>> 31
    /// gamma = 0x9E3779B97F4A7C15
    /// uniform = (mix(mix(seed + gamma) + (position + 1) * gamma) >>> 11) * 2^-53
    /// ```
    ///
    /// in 64-bit arithmetic that wraps, with the position sign-extended. This is the output
    /// function of SplitMix64 (Steele, Lea, Flood 2014), applied to the seed first, so that
    /// neighbouring seeds give unrelated sequences.
    ///
    /// @param seed names the sequence of a request
    /// @param position the token's place in it
    public static double uniform(long seed, int position) {
        long bits = mix(mix(seed + GOLDEN_GAMMA) + (position + 1L) * GOLDEN_GAMMA);
        return (bits >>> 11) * 0x1p-53;
    }

    private static long mix(long value) {
        long z = value;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("logits", args.logits, logits, maxRows, vocab);
        if (!random) {
            Require.given("temperature", args.temperature, false);
            Require.given("topP", args.topP, false);
            Require.given("topK", args.topK, false);
        }
        Require.given("seed", args.seed, random);
        Require.given("position", args.position, random);
        Require.optional("temperature", args.temperature, DType.F32, rows);
        Require.optional("topP", args.topP, DType.F32, rows);
        Require.optional("topK", args.topK, DType.I32, rows);
        Require.optional("seed", args.seed, DType.I64, rows);
        Require.optional("position", args.position, DType.I32, rows);
        Require.sameRows("ids", Require.rows("ids", args.ids, DType.I32, maxRows), "logits", rows);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    /// {@return the cost at the bounds: one operation a logit if greedy; if random four, sorting
    /// not counted}
    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.logits.dim(0));
    }

    private Cost cost(long rows) {
        long elements = rows * vocab;
        long parameterBytes = random ? DType.I64.bytes(rows) + DType.I32.bytes(rows) : 0;
        double bytes = (double) logits.bytes(elements) + DType.I32.bytes(rows) + parameterBytes;
        return new Cost((random ? 4.0 : 1.0) * elements, bytes);
    }
}
