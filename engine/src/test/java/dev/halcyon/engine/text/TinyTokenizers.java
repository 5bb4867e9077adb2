package dev.halcyon.engine.text;

import java.util.ArrayList;
import java.util.List;

/// Contents for `tokenizer.json`.
final class TinyTokenizers {
    private TinyTokenizers() {}

    /// {@return whole words: the cat sat on mat; ids 0 to 2 begin a text, end it and stand for
    /// other words}
    static String words() {
        return """
        {
          "version": "1.0", "truncation": null, "padding": null,
          "added_tokens": [
            {"id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
             "normalized": false, "special": true},
            {"id": 1, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false,
             "normalized": false, "special": true}
          ],
          "normalizer": null,
          "pre_tokenizer": {"type": "Whitespace"},
          "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}
          },
          "decoder": null,
          "model": {
            "type": "WordLevel", "unk_token": "<unk>",
            "vocab": {"<s>": 0, "</s>": 1, "<unk>": 2, "the": 3, "cat": 4, "sat": 5, "on": 6, "mat": 7}
          }
        }
        """;
    }

    /// {@return the 256 bytes of UTF-8, each a token: byte-level BPE without a merge}
    static String bytes() {
        List<String> vocabulary = new ArrayList<>();
        int moved = 0;
        for (int value = 0; value < 256; value++) {
            // Printable bytes stand for themselves, the others for letters from 256 on.
            boolean printable = value > ' ' && value < 0x7f || value > 0xa0 && value != 0xad;
            int symbol = printable ? value : 256 + moved++;
            vocabulary.add(String.format("\"\\u%04x\": %d", symbol, value));
        }
        return """
        {
          "version": "1.0", "added_tokens": [],
          "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
          "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
          "model": {"type": "BPE", "merges": [], "vocab": {%s}}
        }
        """
                .formatted(String.join(", ", vocabulary));
    }
}
