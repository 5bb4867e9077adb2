package dev.halcyon.tck.oracle;

/// How many tokens each expert was chosen for.
public final class ExpertLoad {
    private ExpertLoad() {}

    /// `load[e] = #{(t, k) : indices[t, k] = e}`; an index that is no expert counts nowhere.
    public static long[] count(int[] indices, int experts) {
        long[] load = new long[experts];
        for (int index : indices) {
            if (index >= 0 && index < experts) {
                load[index]++;
            }
        }
        return load;
    }
}
