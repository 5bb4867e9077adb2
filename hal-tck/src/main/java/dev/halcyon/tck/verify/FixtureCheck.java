package dev.halcyon.tck.verify;

import dev.halcyon.tck.fixture.Fixture;

/// Computes the outputs of one case on a device and compares them with the expected ones.
@FunctionalInterface
interface FixtureCheck {
    /// Runs the case once, stored and bounded as `bench` says.
    void run(Fixture fixture, Workbench bench, Comparison found);
}
