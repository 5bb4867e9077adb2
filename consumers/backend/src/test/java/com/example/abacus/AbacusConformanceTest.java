package com.example.abacus;

import dev.halcyon.hal.BackendProvider;
import dev.halcyon.tck.conformance.BackendConformance;

/// Holds the abacus to the rules that every backend is held to.
class AbacusConformanceTest extends BackendConformance {
    @Override
    protected BackendProvider provider() {
        return new AbacusProvider();
    }
}
