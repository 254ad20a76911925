package com.norikv.conformance;

import static com.norikv.client.Bytes.utf8;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** The forms of bytes of the vocabulary. */
record Data(String prefix) {
    String text(String form, String i) {
        return form.replace("{run}", prefix).replace("{i}", i);
    }

    byte[] bytes(Object form, String i) {
        if (form instanceof String text) {
            return utf8(text(text, i));
        }
        Fields fields = Fields.of(form);
        if (fields.has("hex")) {
            return HexFormat.of().parseHex(fields.text("hex"));
        }
        byte[] filled = new byte[fields.number("times")];
        Arrays.fill(filled, HexFormat.of().parseHex(fields.text("fill"))[0]);
        return filled;
    }

    byte[] key(Object form, String i) {
        if (!(form instanceof String)) {
            Fields fields = Fields.of(form);
            if (fields.has("raw")) {
                return utf8(fields.text("raw"));
            }
            if (fields.has("size")) {
                return utf8(prefix + "k".repeat(fields.number("size") - prefix.length()));
            }
        }
        ByteArrayOutputStream key = new ByteArrayOutputStream();
        key.writeBytes(utf8(prefix));
        key.writeBytes(bytes(form, i));
        return key.toByteArray();
    }

    List<byte[]> keys(Object form) {
        List<byte[]> keys = new ArrayList<>();
        if (form instanceof List<?> list) {
            list.forEach(one -> keys.add(key(one, "")));
            return keys;
        }
        Fields fields = Fields.of(form);
        int first = fields.number("first");
        int last = fields.number("last");
        int step = last < first ? -1 : 1;
        for (int n = first; n != last + step; n += step) {
            keys.add(utf8(prefix + fields.text("numbered") + padded(n, fields.number("digits"))));
        }
        return keys;
    }

    static String padded(int n, int digits) {
        return digits == 0 ? Integer.toString(n) : String.format("%0" + digits + "d", n);
    }
}
