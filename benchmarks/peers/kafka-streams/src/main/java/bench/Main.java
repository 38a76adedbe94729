package bench;

import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/** Scores one topic into another until it is told to stop: {@code Main BOOTSTRAP SOURCE SINK GROUP MODEL STATE_FOLDER}. */
public final class Main {
    public static void main(String[] args) throws Exception {
        String sink = args[2];
        try (Model model = Model.load(args[4])) {
            KafkaStreams streams = new KafkaStreams(topology(args[1], sink, model), settings(args[0], args[3], args[5]));
            streams.setUncaughtExceptionHandler(
                    error -> {
                        error.printStackTrace();
                        Runtime.getRuntime().halt(1);
                        return null;
                    });
            Thread main = Thread.currentThread();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                streams.close(Duration.ofSeconds(10));
                main.interrupt();
            }));
            streams.start();
            Thread.sleep(Long.MAX_VALUE);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }

    /** Keys and values stay bytes on the way in and out; the scorer is the only step. */
    private static Topology topology(String source, String sink, Model model) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(source, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .processValues(() -> new Scorer(model))
                .to(sink, Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        return builder.build();
    }

    /**
     * What is not set was faster at its default: commit.interval.ms 30 s (at 100 ms 9.3 µs CPU a record, not 7.4), and
     * buffers and polls of 1,000 records (110,000 records/s with 10,000, not 125,000).
     */
    private static Properties settings(String bootstrap, String group, String stateFolder) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, group);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, stateFolder);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1); // one worker, as everyone
        settings.put(StreamsConfig.METRICS_RECORDING_LEVEL_CONFIG, "INFO"); // DEBUG measures each record
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 8 << 20); // default 1 MB: a fetch a 7,000 records
        settings.put(ConsumerConfig.CHECK_CRCS_CONFIG, true);
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 5);
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, 1 << 20); // default 16 KB: a request a 200 outputs
        settings.put(ProducerConfig.BUFFER_MEMORY_CONFIG, 64L << 20);
        settings.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
        return settings;
    }

    private Main() {}
}
