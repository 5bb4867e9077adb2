package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Device;

import java.util.function.Function;

/// A case that is made by a recipe for any number of rows, exact or bounded, and put through every
/// rule.
///
/// @param spec the spec that it is about
/// @param variant what is particular, after the spec in the name
/// @param rows live rows
/// @param isThorough whether it runs only when full counts are asked for
/// @param recipe makes the problem
record ProblemCase(
        String spec,
        String variant,
        int rows,
        boolean isThorough,
        Function<Setting, Problem> recipe)
        implements ConformanceCase {
    static ProblemCase of(
            String spec, String variant, int rows, Function<Setting, Problem> recipe) {
        return new ProblemCase(spec, variant, rows, false, recipe);
    }

    @Override
    public String name() {
        return spec + " " + variant;
    }

    Problem exact(Device device, long seed) {
        return recipe.apply(new Setting(device, rows, false, seed));
    }

    Problem exact(Device device, long seed, int fewerRows) {
        return recipe.apply(new Setting(device, fewerRows, false, seed));
    }

    Problem bounded(Device device, long seed) {
        return recipe.apply(new Setting(device, rows, true, seed));
    }

    @Override
    public CaseResult run(Device device, long seed) {
        return new ProblemRun(device, this, seed).run();
    }
}
