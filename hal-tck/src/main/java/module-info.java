/// The conformance kit: the fp64 oracle, the exact number formats, and the reference cases that backends are measured against.
module dev.halcyon.tck {
    requires static org.jspecify;
    requires transitive dev.halcyon.checkpoint;

    exports dev.halcyon.tck.fixture;
    exports dev.halcyon.tck.format;
    exports dev.halcyon.tck.oracle;
}
