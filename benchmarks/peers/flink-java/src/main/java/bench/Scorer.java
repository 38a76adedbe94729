package bench;

import ai.onnxruntime.OrtException;
import java.io.IOException;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;

/** One record at a time. */
final class Scorer extends RichMapFunction<Message, Message> {
    private final String path;
    private transient Model model;
    private transient Json json;

    Scorer(String path) {
        this.path = path;
    }

    @Override
    public void open(OpenContext context) throws OrtException {
        model = Model.load(path);
        json = new Json(model);
    }

    @Override
    public Message map(Message message) throws IOException, OrtException {
        message.value = json.scored(message.value);
        return message;
    }

    @Override
    public void close() throws OrtException {
        json.close();
        model.close();
    }
}
