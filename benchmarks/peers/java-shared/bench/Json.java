package bench;

import ai.onnxruntime.OrtException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** JSON in, one row through the model, JSON out; nothing is allocated a record but the parser, the id and the value. For one thread. */
final class Json implements AutoCloseable {
    private static final JsonFactory JSON = JsonFactory.builder().enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER).build();
    private static final byte[] VERSION = ",\"version\":1}".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] PREDICTION = ",\"prediction\":".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] ID = "{\"id\":".getBytes(StandardCharsets.US_ASCII);

    private final Model.Slot slot;
    private final byte[] out = new byte[256];

    Json(Model model) throws OrtException {
        slot = model.slot();
    }

    byte[] scored(byte[] value) throws IOException, OrtException {
        String id = read(value);
        return write(id, slot.score());
    }

    @Override
    public void close() {
        slot.close();
    }

    /** Put x0 to x7 in the slot's row; the id. */
    private String read(byte[] value) throws IOException {
        String id = null;
        int found = 0;
        try (JsonParser parser = JSON.createParser(value)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("no object");
            }
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                parser.nextToken();
                if (name.length() == 2 && name.charAt(0) == 'x') {
                    slot.row.put(name.charAt(1) - '0', parser.getFloatValue());
                    found++;
                } else if (name.equals("id")) {
                    id = parser.getText();
                } else {
                    parser.skipChildren();
                }
            }
        }
        if (id == null || found != Model.INPUTS) {
            throw new IOException("id or inputs missing");
        }
        return id;
    }

    /** The output's text; a generator would cost an object and a symbol table a record. Ids need no escaping here. */
    private byte[] write(String id, float prediction) {
        int at = append(0, ID);
        out[at++] = '"';
        at = append(at, id);
        out[at++] = '"';
        at = append(at, PREDICTION);
        at = append(at, Float.toString(prediction));
        return Arrays.copyOf(out, append(at, VERSION));
    }

    private int append(int at, byte[] bytes) {
        System.arraycopy(bytes, 0, out, at, bytes.length);
        return at + bytes.length;
    }

    @SuppressWarnings("deprecation") // Latin-1 without a charset encoder: ids and numbers are ASCII
    private int append(int at, String text) {
        text.getBytes(0, text.length(), out, at);
        return at + text.length();
    }
}
