/// The reference engine, the first client of Halcyon's API.
module dev.halcyon.engine {
    requires transitive dev.halcyon.checkpoint;
    requires transitive dev.halcyon.hal;
    requires ai.djl.tokenizers;
    requires static org.jspecify;

    exports dev.halcyon.engine;
    exports dev.halcyon.engine.model;
    exports dev.halcyon.engine.text;
    exports dev.halcyon.engine.weights;
}
