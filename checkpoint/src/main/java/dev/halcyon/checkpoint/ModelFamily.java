package dev.halcyon.checkpoint;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/// The model families whose configuration this module reads, by the `model_type` of their
/// `config.json`.
public enum ModelFamily {
    /// DeepSeek-V2 and V2-Lite.
    DEEPSEEK_V2("deepseek_v2"),
    /// DeepSeek-V3 and R1, and Moonlight.
    DEEPSEEK_V3("deepseek_v3"),
    /// Kimi-K2, also as the `text_config` of K2.5 (`kimi_k25`).
    KIMI_K2("kimi_k2");

    private final String modelType;

    ModelFamily(String modelType) {
        this.modelType = modelType;
    }

    /// The `model_type` of the family.
    public String modelType() {
        return modelType;
    }

    static Optional<ModelFamily> of(String modelType) {
        return Arrays.stream(values())
                .filter(family -> family.modelType.equals(modelType))
                .findFirst();
    }

    static String known() {
        return Arrays.stream(values())
                .map(ModelFamily::modelType)
                .collect(Collectors.joining(", "));
    }
}
