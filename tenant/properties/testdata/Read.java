// Reads properties files, each a line of hex, with java.util.Properties, and
// answers names and values in hex, or "error".

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Properties;

public class Read {
    public static void main(String[] args) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in));
        var out = new StringBuilder();
        for (String line; (line = in.readLine()) != null; ) {
            out.append(answer(HexFormat.of().parseHex(line))).append("\n");
        }
        System.out.print(out);
    }

    static String answer(byte[] file) throws IOException {
        var found = new StringBuilder();
        var properties = new Properties() {
            @Override
            public synchronized Object put(Object name, Object value) {
                found.append(hex(name)).append(",").append(hex(value)).append(",");
                return null;
            }
        };
        try {
            properties.load(new StringReader(new String(file, StandardCharsets.UTF_8)));
        } catch (IllegalArgumentException e) {
            return "error";
        }
        return found.toString();
    }

    static String hex(Object s) {
        return HexFormat.of().formatHex(((String) s).getBytes(StandardCharsets.UTF_8));
    }
}
