package bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Map;

/** One session for the process: sessions are thread-safe. */
final class Model implements AutoCloseable {
    static final int INPUTS = 8;

    private final OrtEnvironment environment;
    private final OrtSession session;

    private Model(OrtEnvironment environment, OrtSession session) {
        this.environment = environment;
        this.session = session;
    }

    static Model load(String path) throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1); // one row is too little to share: a pool only spins
            options.setInterOpNumThreads(1);
            return new Model(environment, environment.createSession(path, options));
        }
    }

    Slot slot() throws OrtException {
        return new Slot();
    }

    @Override
    public void close() throws OrtException {
        session.close();
    }

    /** A call's tensors, made once and written over: they lie in direct memory that Java and native code share. */
    final class Slot implements AutoCloseable {
        final FloatBuffer row = direct(INPUTS);
        private final FloatBuffer answer = direct(1);
        private final OnnxTensor rowTensor = OnnxTensor.createTensor(environment, row, new long[] {1, INPUTS});
        private final OnnxTensor answerTensor = OnnxTensor.createTensor(environment, answer, new long[] {1, 1});
        private final Map<String, OnnxTensor> inputs = Map.of(session.getInputNames().iterator().next(), rowTensor);
        private final Map<String, OnnxTensor> outputs = Map.of(session.getOutputNames().iterator().next(), answerTensor);

        private Slot() throws OrtException {}

        /** Score what {@link #row} holds. */
        float score() throws OrtException {
            session.run(inputs, outputs).close(); // closes the list of results; a pinned tensor stays
            return answer.get(0);
        }

        @Override
        public void close() {
            rowTensor.close();
            answerTensor.close();
        }

        private static FloatBuffer direct(int floats) {
            return ByteBuffer.allocateDirect(Float.BYTES * floats).order(ByteOrder.nativeOrder()).asFloatBuffer();
        }
    }
}
