package dev.halcyon.checkpoint;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// An object of a configuration file with typed access to its keys; every refusal names file, key,
/// value and remedy.
///
/// A key that is null counts as missing, as it does for the library that writes these files.
final class ConfigObject {
    private final String source;
    private final String path;
    private final ObjectNode node;

    ConfigObject(String source, String path, ObjectNode node) {
        this.source = source;
        this.path = path;
        this.node = node;
    }

    private Optional<JsonNode> value(String key) {
        JsonNode value = node.get(key);
        return value == null || value.isNull() ? Optional.empty() : Optional.of(value);
    }

    boolean states(String key) {
        return node.has(key);
    }

    int integer(String key) {
        return optionalInteger(key).orElseThrow(() -> missing(key, "an integer"));
    }

    int integer(String key, int otherwise) {
        return optionalInteger(key).orElse(otherwise);
    }

    Optional<Integer> optionalInteger(String key) {
        return value(key).map(value -> integer(key, value));
    }

    double number(String key) {
        return optionalNumber(key).orElseThrow(() -> missing(key, "a number"));
    }

    double number(String key, double otherwise) {
        return optionalNumber(key).orElse(otherwise);
    }

    Optional<Double> optionalNumber(String key) {
        return value(key).map(value -> number(key, value));
    }

    boolean flag(String key) {
        return value(key)
                .map(value -> flag(key, value))
                .orElseThrow(() -> missing(key, "true or false"));
    }

    boolean flag(String key, boolean otherwise) {
        return value(key).map(value -> flag(key, value)).orElse(otherwise);
    }

    String text(String key) {
        return optionalText(key).orElseThrow(() -> missing(key, "a string"));
    }

    Optional<String> optionalText(String key) {
        return value(key).map(value -> text(key, value));
    }

    Optional<ConfigObject> object(String key) {
        return value(key)
                .map(
                        value -> {
                            if (value instanceof ObjectNode object) {
                                return new ConfigObject(source, path + key + ".", object);
                            }
                            throw wrongType(key, value, "an object");
                        });
    }

    ConfigObject requiredObject(String key) {
        return object(key).orElseThrow(() -> missing(key, "an object"));
    }

    /// The only object in the object at `key`.
    ConfigObject onlyObjectIn(String key) {
        ConfigObject outer = requiredObject(key);
        if (outer.node.size() != 1) {
            throw unsupported(
                    key, "an object with " + outer.node.size() + " entries", "exactly one entry");
        }
        return outer.requiredObject(outer.node.propertyNames().iterator().next());
    }

    List<Integer> integers(String key) {
        return list(key, true).stream().map(value -> integer(key, value)).toList();
    }

    List<String> texts(String key) {
        return list(key, false).stream().map(value -> text(key, value)).toList();
    }

    private List<JsonNode> list(String key, boolean orSingle) {
        List<JsonNode> values = new ArrayList<>();
        value(key)
                .ifPresent(
                        value -> {
                            if (value.isArray()) {
                                value.forEach(values::add);
                            } else if (orSingle) {
                                values.add(value);
                            } else {
                                throw wrongType(key, value, "an array");
                            }
                        });
        return values;
    }

    private int integer(String key, JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw wrongType(key, value, "an integer of 32 bits");
        }
        return value.intValue();
    }

    private double number(String key, JsonNode value) {
        if (!value.isNumber()) {
            throw wrongType(key, value, "a number");
        }
        double number = value.doubleValue();
        if (!Double.isFinite(number)) {
            throw wrongType(key, value, "a finite number");
        }
        return number;
    }

    private boolean flag(String key, JsonNode value) {
        if (!value.isBoolean()) {
            throw wrongType(key, value, "true or false");
        }
        return value.booleanValue();
    }

    private String text(String key, JsonNode value) {
        if (!value.isString()) {
            throw wrongType(key, value, "a string");
        }
        if (!StrictJson.wellFormed(value.stringValue())) {
            throw wrongType(key, value, "a string without halves of surrogate pairs");
        }
        return value.stringValue();
    }

    CheckpointException missing(String key, String expected) {
        return new CheckpointException(
                source,
                "the key " + Quoted.bare(path + key) + " is missing or null",
                "it must hold " + expected);
    }

    private CheckpointException wrongType(String key, JsonNode value, String expected) {
        String shown =
                switch (value.getNodeType()) {
                    case OBJECT -> "an object";
                    case ARRAY -> "an array";
                    case STRING -> Quoted.text(value.stringValue());
                    default -> Quoted.bare(value.asString());
                };
        return new CheckpointException(
                source,
                "the key " + Quoted.bare(path + key) + " holds " + shown,
                "it must hold " + expected);
    }

    CheckpointException unsupported(String key, String shown, String supported) {
        return new CheckpointException(
                source,
                "the key " + Quoted.bare(path + key) + " holds " + shown,
                "supported: " + supported);
    }
}
