package dev.halcyon.backend.ascend.header;

import dev.halcyon.backend.ascend.header.InterfaceTable.Constant;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/// Where headers and the table of the interface differ.
///
/// @param agreed entries that both have alike
/// @param absent entries that the headers do not have, of which older versions lack many
/// @param differences entries that both have and that differ, in words
public record HeaderComparison(int agreed, List<String> absent, List<String> differences) {
    public HeaderComparison {
        absent = List.copyOf(absent);
        differences = List.copyOf(differences);
    }

    /// {@return the comparison; sizes and offsets are not looked at, for headers do not say them}
    public static HeaderComparison of(InterfaceTable table, HeaderFiles headers) {
        int agreed = 0;
        List<String> absent = new ArrayList<>();
        List<String> differences = new ArrayList<>();
        for (CFunction wanted : table.functions().values()) {
            CFunction found = headers.functions().get(wanted.name());
            if (found == null) {
                absent.add(wanted.name());
            } else if (found.letters().equals(wanted.letters())) {
                agreed++;
            } else {
                differences.add(
                        wanted.name()
                                + " has the type "
                                + found.letters()
                                + ", tabled as "
                                + wanted.letters());
            }
        }
        for (Constant wanted : table.constants()) {
            if (wanted.kind().equals("size") || wanted.kind().equals("offset")) {
                continue;
            }
            String name = wanted.type() + " " + wanted.name();
            OptionalLong found =
                    wanted.kind().equals("flag")
                            ? optional(headers.constants().get(wanted.type() + "_" + wanted.name()))
                            : enumerator(headers.enumerators(), wanted);
            if (found.isEmpty()) {
                absent.add(name);
            } else if (found.getAsLong() == wanted.value()) {
                agreed++;
            } else {
                differences.add(
                        name + " is " + found.getAsLong() + ", tabled as " + wanted.value());
            }
        }
        absent.sort(null);
        return new HeaderComparison(agreed, absent, differences);
    }

    private static OptionalLong optional(@Nullable Long value) {
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /// The shortest name that ends so: `ACL_INT8` before `ACL_UINT8` would, were it not for the
    /// underscore, and `X_COMPLETE` before `X_NOT_COMPLETE`.
    private static OptionalLong enumerator(
            Map<String, Map<String, Long>> enumerators, Constant wanted) {
        return enumerators.getOrDefault(wanted.type(), Map.of()).entrySet().stream()
                .filter(
                        one ->
                                one.getKey().equals(wanted.name())
                                        || one.getKey().endsWith("_" + wanted.name()))
                .min(Comparator.comparingInt(one -> one.getKey().length()))
                .map(one -> OptionalLong.of(one.getValue()))
                .orElse(OptionalLong.empty());
    }
}
