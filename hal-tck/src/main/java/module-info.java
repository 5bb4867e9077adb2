/// The conformance kit: an fp64 oracle, fixtures of the models' own reference code, and the rules
/// that a backend is held to.
module dev.halcyon.tck {
    requires transitive dev.halcyon.checkpoint;
    requires transitive dev.halcyon.hal;
    requires static org.jspecify;
    requires static org.junit.jupiter.api;
    requires tools.jackson.databind;

    exports dev.halcyon.tck.conformance;
    exports dev.halcyon.tck.fixture;
    exports dev.halcyon.tck.format;
    exports dev.halcyon.tck.oracle;
    exports dev.halcyon.tck.verify;
}
