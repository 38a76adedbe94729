package bench;

import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Scores one topic into another, exactly once, until it is told to stop: {@code Main BOOTSTRAP SOURCE SINK GROUP MODEL CHECKPOINTS}. */
public final class Main {
    private static final int PARALLELISM = 2;

    public static void main(String[] args) throws Exception {
        Configuration settings = new Configuration();
        settings.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(1));
        settings.set(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE, CheckpointingMode.EXACTLY_ONCE);
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, Path.of(args[5]).toUri().toString());
        settings.set(PipelineOptions.OBJECT_REUSE, true); // no copy between chained operators
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM, settings);
        environment
                .fromSource(source(args[0], args[1], args[3]), WatermarkStrategy.noWatermarks(), "source")
                .map(new Scorer(args[4]))
                .sinkTo(sink(args[0], args[2], args[3]));
        environment.execute(args[3]);
    }

    private static KafkaSource<Message> source(String bootstrap, String topic, String group) {
        return KafkaSource.<Message>builder()
                .setBootstrapServers(bootstrap)
                .setTopics(topic)
                .setGroupId(group)
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(new Message.Reader())
                .setProperty("max.partition.fetch.bytes", String.valueOf(8 << 20))
                .build();
    }

    private static KafkaSink<Message> sink(String bootstrap, String topic, String group) {
        return KafkaSink.<Message>builder()
                .setBootstrapServers(bootstrap)
                .setRecordSerializer(new Message.Writer(topic))
                .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
                .setTransactionalIdPrefix(group)
                .setProperty("transaction.timeout.ms", "600000")
                .setProperty("linger.ms", "5")
                .setProperty("batch.size", String.valueOf(1 << 20))
                .setProperty("buffer.memory", String.valueOf(64L << 20))
                .setProperty("compression.type", "lz4")
                .build();
    }

    private Main() {}
}
