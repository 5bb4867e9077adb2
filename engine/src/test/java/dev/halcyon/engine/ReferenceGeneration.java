package dev.halcyon.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.tck.fixture.ModelAssembly;
import dev.halcyon.tck.oracle.DecoderModel;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/// What the fp64 oracle says a checkpoint's model goes on with, as far as rounding to F32 cannot
/// change it.
///
/// @param prompt the prompt
/// @param tokens what it is continued with
/// @param gaps between the best and the second best logit of each, relative to the largest
record ReferenceGeneration(List<Integer> prompt, List<Integer> tokens, List<Double> gaps) {
    /// Rounding to F32 moves a logit of these models by less than a tenth of this.
    static final double CLEAR_GAP = 1e-4;

    static ReferenceGeneration of(Path folder, List<Integer> prompt, int count) {
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            int[] ids = prompt.stream().mapToInt(Integer::intValue).toArray();
            DecoderModel.Generation generation = ModelAssembly.model(checkpoint).greedy(ids, count);
            List<Integer> tokens = Arrays.stream(generation.tokens()).boxed().toList();
            List<Double> gaps = generation.logits().stream().map(ReferenceGeneration::gap).toList();
            return new ReferenceGeneration(prompt, tokens, gaps);
        }
    }

    private static double gap(double[] logits) {
        double[] sorted = logits.clone();
        Arrays.sort(sorted);
        double largest = Math.max(Math.abs(sorted[0]), Math.abs(sorted[sorted.length - 1]));
        return (sorted[sorted.length - 1] - sorted[sorted.length - 2]) / largest;
    }

    /// {@return how many tokens are decided by more than `gap`, from the first on}
    int clear(double gap) {
        int count = 0;
        while (count < gaps.size() && gaps.get(count) > gap) {
            count++;
        }
        return count;
    }

    /// Checks an answer as far as it is decided, and that this is far enough to mean something.
    void assertContinuedBy(List<Integer> answer, double gap, int atLeast) {
        int clear = clear(gap);
        assertThat(clear)
                .as("tokens decided by more than %s: gaps %s", gap, gaps)
                .isGreaterThanOrEqualTo(atLeast);
        assertThat(answer).as("answer, gaps %s", gaps).hasSameSizeAs(tokens);
        assertThat(answer.subList(0, clear)).isEqualTo(tokens.subList(0, clear));
    }
}
