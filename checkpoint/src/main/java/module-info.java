/// Model checkpoints on disk: safetensors files, sharded folders and their `config.json`, read with
/// every claim checked and written atomically.
module dev.halcyon.checkpoint {
    requires static org.jspecify;
    requires tools.jackson.core;
    requires tools.jackson.databind;

    exports dev.halcyon.checkpoint;
}
