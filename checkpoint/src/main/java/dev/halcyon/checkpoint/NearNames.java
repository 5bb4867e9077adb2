package dev.halcyon.checkpoint;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/// The names closest to one that was not found, for a message that shows what was probably meant.
final class NearNames {
    private static final int MOST_NAMES = 3;

    private NearNames() {}

    private record Scored(String name, int score) {}

    /// Candidates that share more than half of their characters with `wanted` at the two ends, best
    /// first, at most three.
    ///
    /// Ends are compared instead of an edit distance because tensor names differ in a layer number
    /// or one word, and because this is linear in the size of a checkpoint with hundreds of
    /// thousands of names.
    static List<String> of(String wanted, Collection<String> candidates) {
        List<Scored> best = new ArrayList<>();
        for (String candidate : candidates) {
            int shorter = Math.min(wanted.length(), candidate.length());
            int prefix = 0;
            while (prefix < shorter && wanted.charAt(prefix) == candidate.charAt(prefix)) {
                prefix++;
            }
            int suffix = 0;
            while (suffix < shorter - prefix
                    && wanted.charAt(wanted.length() - 1 - suffix)
                            == candidate.charAt(candidate.length() - 1 - suffix)) {
                suffix++;
            }
            int longer = Math.max(wanted.length(), candidate.length());
            int score = 2 * (prefix + suffix) - longer;
            if (score > 0) {
                best.add(new Scored(candidate, score));
                if (best.size() > 4 * MOST_NAMES) {
                    keepBest(best);
                }
            }
        }
        keepBest(best);
        return best.stream().map(Scored::name).toList();
    }

    /// What to write after "there is no such tensor": the near names, or how many names there are.
    static String remedy(String wanted, Collection<String> candidates) {
        List<String> near = of(wanted, candidates);
        if (near.isEmpty()) {
            return "none of its " + candidates.size() + " names is close to it";
        }
        return "near names are " + String.join(", ", near.stream().map(Quoted::text).toList());
    }

    private static void keepBest(List<Scored> best) {
        best.sort(Comparator.comparingInt(Scored::score).reversed().thenComparing(Scored::name));
        while (best.size() > MOST_NAMES) {
            best.removeLast();
        }
    }
}
