package bench;

import ai.onnxruntime.OrtException;
import java.io.IOException;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;

/** One record at a time. */
final class Scorer implements FixedKeyProcessor<byte[], byte[], byte[]> {
    private final Model model;
    private FixedKeyProcessorContext<byte[], byte[]> context;
    private Json json;

    Scorer(Model model) {
        this.model = model;
    }

    @Override
    public void init(FixedKeyProcessorContext<byte[], byte[]> context) {
        this.context = context;
        try {
            json = new Json(model);
        } catch (OrtException error) {
            throw new IllegalStateException(error);
        }
    }

    @Override
    public void process(FixedKeyRecord<byte[], byte[]> record) {
        try {
            context.forward(record.withValue(json.scored(record.value())));
        } catch (IOException | OrtException error) {
            throw new IllegalArgumentException(error); // this peer knows no dead letters
        }
    }

    @Override
    public void close() {
        json.close();
    }
}
