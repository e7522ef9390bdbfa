#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

// rd_kafka_mock_broker_push_request_error_rtts is variadic, which Swift does not import: this
// pushes one (error, delay) pair.
static inline rd_kafka_resp_err_t tm_mock_push_request_delay(
    rd_kafka_mock_cluster_t *cluster, int32_t broker, int16_t api, rd_kafka_resp_err_t error,
    int delay_ms) {
    return rd_kafka_mock_broker_push_request_error_rtts(cluster, broker, api, 1, error, delay_ms);
}
